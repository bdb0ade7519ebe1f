/** Where a server listens: a Unix socket that is its owner's alone, or TCP. */
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { CowringError, type HeldFile } from '../index.js'
import { checkSocketPath, claimSocket, listenOnSocket } from './unix-socket.js'
import { isLocal, type ListenAddress } from './uri.js'

export interface Listener {
  /** With the port that was got. */
  readonly address: ListenAddress
  /** Takes no more connections; the socket is gone. */
  close(): Promise<void>
}

const words = { who: 'a server', option: '--listen' } as const

/**
 * Fails with INVALID_ARGUMENT where anybody could connect and neither TLS is required nor `insecure` said so; DEVICE_BUSY,
 * DEVICE_UNSUPPORTED, IO_ERROR.
 */
export async function listenFor(
  where: ListenAddress,
  safety: { readonly isTlsRequired: boolean; readonly insecure: boolean },
  accept: (socket: Socket) => void,
): Promise<Listener> {
  if (!isLocal(where) && !safety.isTlsRequired && !safety.insecure) throw unsafe(where)
  // A client that has sent its last request may still wait for answers.
  const server = createServer({ allowHalfOpen: true, noDelay: true, keepAlive: true }, accept)
  if (where.kind === 'tcp') return listenOnTcp(server, where)
  checkSocketPath(where.path, words.option)
  const held = claimSocket(where.path, words)
  try {
    await listenOnSocket(server, where.path, words)
  } catch (error) {
    held.release()
    throw error
  }
  return { address: where, close: () => closed(server, held) }
}

async function listenOnTcp(server: Server, where: ListenAddress & { kind: 'tcp' }): Promise<Listener> {
  server.listen(where.port, where.host)
  try {
    await once(server, 'listening')
  } catch (error) {
    const text = `cannot listen on ${where.host}, port ${where.port} (${error instanceof Error ? error.message : error})`
    throw new CowringError('DEVICE_BUSY', `${text}; give another --listen`, {}, error)
  }
  const got = server.address()
  const port = typeof got === 'object' && got !== null ? got.port : where.port
  return { address: { ...where, port }, close: () => closed(server, undefined) }
}

async function closed(server: Server, held: HeldFile | undefined): Promise<void> {
  // Connections are the server's to end, not the listener's to wait for.
  server.close()
  held?.release()
}

function unsafe(where: ListenAddress): CowringError {
  const place = where.kind === 'tcp' ? where.host : where.path
  const text = `${place} can be reached from other machines; require TLS (--tls-certificates or --tls-psk), or say --insecure`
  return new CowringError('INVALID_ARGUMENT', text)
}
