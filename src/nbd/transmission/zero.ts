/**
 * WRITE_ZEROES and TRIM. Their lengths have no limit but the device's, so they are carried out in steps with a rest between.
 */
import { statusNumbers } from '../../base/errors.js'
import { sectorBytes } from '../../base/units.js'
import { commandFlag, nbdError } from '../protocol.js'
import { zeroBytes } from './buffer-layout.js'
import { type Connection, tagOf } from './connection.js'
import { errorOfStatus } from './errors.js'
import { rangeRefusal } from './refusal.js'
import { inSector, writeBytes } from './sectors.js'

/** Of one call that moves no bytes. A file system takes some milliseconds for it, and a suspension waits no longer. */
const stepBytes = 256 << 20

/** Of zeroes written as bytes in one batch, for the same reason. */
const writtenStepBytes = 8 << 20

/** Begun together; each is as long as the stretch of zeroes there is. */
const writesMax = writtenStepBytes / zeroBytes

const { DEVICE_CLOSED, IO_ERROR, NOT_SUPPORTED, OK } = statusNumbers

/**
 * Whole sectors within the range are discarded. Trimming is advice: where a device cannot (an origin whose snapshots need
 * the bytes), it has been followed as far as it could be.
 */
export function serveTrim(connection: Connection): void {
  const { request, seat } = connection
  connection.settle()
  const end = Math.floor((request.offset + request.length) / sectorBytes) * sectorBytes
  let at = Math.ceil(request.offset / sectorBytes) * sectorBytes
  let status: number = OK
  while (status === OK && at < end) {
    const length = Math.min(end - at, stepBytes)
    status = seat.discard(length, at)
    at += length
    if (status === OK && at < end) status = goOn(connection, at, end - at)
  }
  conclude(connection, status === NOT_SUPPORTED ? OK : status)
}

export function serveWriteZeroes(connection: Connection): void {
  const { replies, request } = connection
  const { flags, offset } = request
  const isFast = (flags & commandFlag.fastZero) !== 0
  connection.settle()
  if (request.length === 0) {
    conclude(connection, OK)
    return
  }
  const end = offset + request.length
  const firstWhole = Math.min(end, Math.ceil(offset / sectorBytes) * sectorBytes)
  const lastWhole = Math.max(firstWhole, end - inSector(end))
  // Zeroes that must take up space are bytes, and bytes are never faster than writing.
  const canDeallocate = (flags & commandFlag.noHole) === 0
  let done = firstWhole
  let status: number = canDeallocate ? OK : NOT_SUPPORTED
  while (status === OK && done < lastWhole) {
    const length = Math.min(lastWhole - done, stepBytes)
    status = connection.seat.zero(length, done)
    if (status !== OK) break
    done += length
    if (done < lastWhole) status = goOn(connection, done, lastWhole - done)
  }
  if (status === NOT_SUPPORTED) {
    if (isFast) {
      replies.fail(request, nbdError.notsup)
      return
    }
    status = writeZeroBytes(connection, done, lastWhole)
  }
  // What is no whole sector, at both ends.
  if (status === OK && firstWhole > offset)
    status = writeBytes(connection, connection.zeroOffset, firstWhole - offset, offset)
  if (status === OK && end > lastWhole)
    status = writeBytes(connection, connection.zeroOffset, end - lastWhole, lastWhole)
  conclude(connection, status)
}

/** Whole sectors, from the stretch of zeroes. Answers a status. */
function writeZeroBytes(connection: Connection, offset: number, end: number): number {
  const { seat, zeroOffset } = connection
  for (let at = offset; at < end; ) {
    let count = 0
    for (; count < writesMax && at < end; count++) {
      const length = Math.min(end - at, zeroBytes)
      seat.beginWrite(tagOf(count), zeroOffset, length, at)
      at += length
    }
    seat.finish()
    for (let place = 0; place < count; place++) {
      const status = seat.status[tagOf(place)] as number
      if (status !== OK) return status
    }
    if (at < end) {
      const status = goOn(connection, at, end - at)
      if (status !== OK) return status
    }
  }
  return OK
}

/** A rest; then whether the rest of the range is still there. Answers a status. */
function goOn(connection: Connection, offset: number, length: number): number {
  connection.breathe()
  if (connection.isGone || connection.end !== undefined) return DEVICE_CLOSED
  return rangeRefusal(connection, offset, length, nbdError.nospc) === nbdError.ok ? OK : IO_ERROR
}

function conclude(connection: Connection, status: number): void {
  const { request } = connection
  if (status === OK) connection.conclude(request, OK, (request.flags & commandFlag.fua) !== 0)
  else connection.replies.fail(request, errorOfStatus(status))
}
