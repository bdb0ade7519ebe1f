/** WRITE: begun straight from the receive buffer, carried out together with the other writes of the batch. */
import { sectorBytes } from '../../base/units.js'
import { commandFlag } from '../protocol.js'
import { type Connection, tagOf } from './connection.js'
import { writeBytes } from './sectors.js'

/** `arenaOffset` is where the payload lies, which stays there until the batch ends. */
export function serveWrite(connection: Connection, arenaOffset: number): void {
  const { begun, request, seat } = connection
  const { length, offset } = request
  const isForced = (request.flags & commandFlag.fua) !== 0
  if (length === 0) {
    connection.conclude(request, 0, isForced)
  } else if (((request.offsetLow | length) & (sectorBytes - 1)) === 0 || seat.takesBytes()) {
    seat.beginWrite(tagOf(begun.add(request, isForced)), arenaOffset, length, offset)
  } else {
    connection.settle()
    connection.conclude(request, writeBytes(connection, arenaOffset, length, offset), isForced)
  }
}
