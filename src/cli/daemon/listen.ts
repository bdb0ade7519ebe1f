/**
 * Takes a socket's path for this process and listens on it.
 *
 * Guarantees: one daemon a path, decided by a lock that ends with its process (`PATH.lock`, which stays): so of two that start
 * at once one is refused, and what a dead one left is taken over. The socket has mode 0600 from its first instant.
 */
import { once } from 'node:events'
import { lstatSync, unlinkSync } from 'node:fs'
import { createConnection, createServer, type Server } from 'node:net'
import { CowringError, type HeldFile, holdFile } from '../../index.js'

/** Connections at a time; more wait in the kernel's queue or are dropped. */
const connectionsMax = 64

/** Makes the path this process's, before it listens. Fails with DEVICE_BUSY, DEVICE_UNSUPPORTED, IO_ERROR. */
export function claimPath(path: string): HeldFile {
  try {
    return holdFile(`${path}.lock`, 'lock of the socket')
  } catch (error) {
    if (!(error instanceof CowringError) || error.code !== 'DEVICE_BUSY') throw error
    throw taken(path, error.facts.holder)
  }
}

/** Listens on a path that has been claimed. Closing the server removes the socket. */
export async function listenOn(path: string): Promise<Server> {
  await removeStale(path)
  const server = createServer()
  server.maxConnections = connectionsMax
  // Binding happens inside the call, so nothing else is made under this mask.
  const mask = process.umask(0o177)
  try {
    server.listen(path)
  } finally {
    process.umask(mask)
  }
  await once(server, 'listening')
  return server
}

/** Removes the socket of a daemon that died. One that somebody answers on, and anything that is no socket, is left alone. */
async function removeStale(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (found === undefined) return
  if (!found.isSocket()) {
    const text = `${path} exists and is no socket; remove it, or give another --socket`
    throw new CowringError('DEVICE_UNSUPPORTED', text, { path })
  }
  if (await answers(path)) throw taken(path, undefined)
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

function taken(path: string, holder: string | undefined): CowringError {
  const who = holder === undefined ? '' : ` (${holder})`
  const text = `a daemon listens on ${path} already${who}; use that one, stop it, or give another --socket`
  return new CowringError('DEVICE_BUSY', text, { path, ...(holder === undefined ? {} : { holder }) })
}
