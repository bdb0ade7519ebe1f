/** What a connection's thread runs: one task for each connection, and one that only has everything loaded. */
import { libc, socketCalls } from '../io/libc.js'
import { Seat } from '../seat/seat.js'
import type { ConnectionEnd, ConnectionTask } from './connection-task.js'
import { serveConnection } from './transmission/serve-connection.js'

export function serve(task: ConnectionTask): ConnectionEnd {
  const seat = Seat.take(task.token)
  try {
    return serveConnection(task, seat)
  } finally {
    seat.close()
  }
}

export function warm(): void {
  libc()
  socketCalls()
}
