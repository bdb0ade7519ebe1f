/**
 * Why a request is not carried out, before anything is: its flags, a device that only reads, a range past the end.
 *
 * The FUA flag is allowed everywhere: the protocol has servers accept it with every command, if only to ignore it.
 */
import { command, commandFlag, nbdError, payloadBytesMax } from '../protocol.js'
import type { Connection } from './connection.js'

const { df, fastZero, fua, noHole, payloadLen, reqOne } = commandFlag

/** By command: the flags it takes. */
const allowedFlags: readonly number[] = [fua | df, fua, fua, fua, fua, fua, fua | noHole | fastZero, fua | reqOne]

/** An error of the protocol, or 0. Block status looks after its own range, which may lie in its payload. */
export function refusal(connection: Connection): number {
  const { request } = connection
  if (connection.isGone) return nbdError.shutdown
  const { flags, length, type } = request
  const allowed = allowedFlags[type]
  if (allowed === undefined) return nbdError.inval
  const more = flags & ~allowed
  if (more !== 0 && !(request.isExtended && more === payloadLen && takesPayload(type))) return nbdError.inval
  switch (type) {
    case command.read:
      if ((flags & df) !== 0 && !connection.replies.isStructured) return nbdError.inval
      // Only extended lengths tell a client that it has been answered about a limit, not a mistake.
      if (length > payloadBytesMax) return request.isExtended ? nbdError.overflow : nbdError.inval
      return rangeRefusal(connection, request.offset, length, nbdError.inval)
    case command.write:
      if (request.isExtended && (flags & payloadLen) === 0) return nbdError.inval
      return writeRefusal(connection, nbdError.nospc)
    case command.writeZeroes:
      return writeRefusal(connection, nbdError.nospc)
    case command.trim:
      return writeRefusal(connection, nbdError.inval)
    case command.cache:
      return rangeRefusal(connection, request.offset, length, nbdError.inval)
    default:
      return nbdError.ok
  }
}

const takesPayload = (type: number): boolean => type === command.write || type === command.blockStatus

function writeRefusal(connection: Connection, pastEnd: number): number {
  const { request, seat } = connection
  if (connection.isReadOnly || seat.isReadOnly()) return nbdError.perm
  return rangeRefusal(connection, request.offset, request.length, pastEnd)
}

/** Sizes are looked at for every request: the device's table may have been swapped. */
export function rangeRefusal(connection: Connection, offset: number, length: number, pastEnd: number): number {
  return offset + length > connection.seat.sizeBytes() ? pastEnd : nbdError.ok
}
