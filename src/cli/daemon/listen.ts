/** The daemon's socket: one daemon a path, its owner's alone, and what a dead one left is taken over. */
import { createServer, type Server } from 'node:net'
import type { HeldFile } from '../../index.js'
import { claimSocket, listenOnSocket } from '../../nbd/unix-socket.js'

/** Connections at a time; more wait in the kernel's queue or are dropped. */
const connectionsMax = 64
const words = { who: 'a daemon', option: '--socket' } as const

/** Makes the path this process's, before it listens. Fails with DEVICE_BUSY, DEVICE_UNSUPPORTED, IO_ERROR. */
export const claimPath = (path: string): HeldFile => claimSocket(path, words)

/** Listens on a path that has been claimed. Closing the server removes the socket. */
export async function listenOn(path: string): Promise<Server> {
  const server = createServer()
  server.maxConnections = connectionsMax
  await listenOnSocket(server, path, words)
  return server
}
