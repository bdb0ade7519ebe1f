/**
 * A connection after its handshake, from its first request to its end, on the calling thread.
 *
 * Guarantees: returns when the client has said so, is gone, or has sent what is no request. The seat is at rest then.
 * Leaves out on purpose: closing. Descriptor and seat are the caller's.
 */

import { assert } from '../../base/assert.js'
import type { Seat } from '../../seat/seat.js'
import type { ConnectionEnd, ConnectionTask } from '../connection-task.js'
import { connectionBufferBytes } from './buffer-layout.js'
import { socketStream } from './byte-stream.js'
import { Connection } from './connection.js'
import { transmit } from './transmission.js'

export function serveConnection(task: ConnectionTask, seat: Seat): ConnectionEnd {
  assert(seat.bufferBytes >= connectionBufferBytes, 'the seat has been shared with the buffer of a connection')
  return transmit(new Connection(task, seat, socketStream(task.fd, seat.arena)))
}
