/**
 * Takes a socket's path for this process and listens on it.
 *
 * Guarantees: one server a path, decided by a lock that ends with its process (`PATH.lock`, which stays): so of two that start
 * at once one is refused, and what a dead one left is taken over. The socket has mode 0600 from its first instant.
 */
import { once } from 'node:events'
import { lstatSync, unlinkSync } from 'node:fs'
import { createConnection, type Server } from 'node:net'
import { CowringError, type HeldFile, holdFile } from '../index.js'

/** Who listens, and the option that names another path, for messages. */
export interface SocketWords {
  readonly who: string
  readonly option: string
}

/** A socket's address has 108 bytes, of which the last is 0. */
const pathBytesMax = 107

/** Fails with INVALID_ARGUMENT if no socket can have this path. */
export function checkSocketPath(path: string, option: string): void {
  if (Buffer.byteLength(path) <= pathBytesMax) return
  const text = `the path of a socket has at most ${pathBytesMax} bytes; ${path} is longer: give a shorter ${option}`
  throw new CowringError('INVALID_ARGUMENT', text, { path })
}

/** Makes the path this process's, before it listens. Fails with DEVICE_BUSY, DEVICE_UNSUPPORTED, IO_ERROR. */
export function claimSocket(path: string, words: SocketWords): HeldFile {
  try {
    return holdFile(`${path}.lock`, 'lock of the socket')
  } catch (error) {
    if (!(error instanceof CowringError) || error.code !== 'DEVICE_BUSY') throw error
    throw taken(path, words, error.facts.holder)
  }
}

/** Lets a server listen on a path that has been claimed. Closing the server removes the socket. */
export async function listenOnSocket(server: Server, path: string, words: SocketWords): Promise<void> {
  await removeStale(path, words)
  // Binding happens inside the call, so nothing else is made under this mask.
  const mask = process.umask(0o177)
  try {
    server.listen(path)
  } finally {
    process.umask(mask)
  }
  await once(server, 'listening')
}

/** Removes the socket of a server that died. One that somebody answers on, and anything that is no socket, is left alone. */
async function removeStale(path: string, words: SocketWords): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (found === undefined) return
  if (!found.isSocket()) {
    const text = `${path} exists and is no socket; remove it, or give another ${words.option}`
    throw new CowringError('DEVICE_UNSUPPORTED', text, { path })
  }
  if (await answers(path)) throw taken(path, words, undefined)
  unlinkSync(path)
}

async function answers(path: string): Promise<boolean> {
  const socket = createConnection(path)
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

function taken(path: string, { option, who }: SocketWords, holder: string | undefined): CowringError {
  const whose = holder === undefined ? '' : ` (${holder})`
  const text = `${who} listens on ${path} already${whose}; use that one, stop it, or give another ${option}`
  return new CowringError('DEVICE_BUSY', text, { path, ...(holder === undefined ? {} : { holder }) })
}
