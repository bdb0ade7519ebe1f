/**
 * CACHE: reads the range and drops it, so that the system has it at hand. Advice, too: only the beginning of a long range is
 * read.
 */
import { nbdError } from '../protocol.js'
import type { Connection } from './connection.js'
import { errorOfStatus } from './errors.js'
import { rangeRefusal } from './refusal.js'
import { inSector, readBytes, readSlackBytes } from './sectors.js'

/** One request's share of what the system can hold: as long as the longest read. */
const cachedBytesMax = 32 << 20

/** Fits in a processor's cache: what is read is read for the system's sake. */
const pieceBytes = 256 << 10

/** Between rests. */
const batchBytes = 8 << 20

/** The room a request asks for before it begins. */
export const cacheRoomBytes = pieceBytes + readSlackBytes

export function serveCache(connection: Connection): void {
  const { replies, request } = connection
  const end = request.offset + Math.min(request.length, cachedBytesMax)
  let unrested = 0
  for (let at = request.offset; at < end; ) {
    const length = Math.min(end - at, pieceBytes - inSector(at))
    const error = errorOfStatus(readBytes(connection, replies.at, length, at))
    if (error !== nbdError.ok) {
      replies.fail(request, error)
      return
    }
    at += length
    unrested += length
    if (unrested < batchBytes || at >= end) continue
    unrested = 0
    connection.breathe()
    const refused = connection.isGone ? nbdError.shutdown : rangeRefusal(connection, at, end - at, nbdError.inval)
    if (refused !== nbdError.ok) {
      replies.fail(request, refused)
      return
    }
  }
  replies.succeed(request)
}
