/**
 * READ: straight into the send buffer, behind the reply's header.
 *
 * In chunks, long reads leave out their holes. A read longer than the send buffer goes out in pieces, with a rest between
 * them; a simple reply has promised all its data with its header, so if a later piece fails the connection must end.
 */
import { statusNumbers } from '../../base/errors.js'
import { sectorBytes } from '../../base/units.js'
import { commandFlag, nbdError, replyFlag, simpleReplyBytes } from '../protocol.js'
import { sendBytes } from './buffer-layout.js'
import type { Connection } from './connection.js'
import { errorOfStatus } from './errors.js'
import { rangeRefusal } from './refusal.js'
import { replyBytesMax } from './replies.js'
import { inSector, readBytes, readSlackBytes } from './sectors.js'

/** Shorter reads are not looked through for holes: asking would cost more than the bytes. */
const sparseBytesMin = 32 << 10

/** A shorter hole is sent as zeroes: two more headers and what they cost the client are worth about a page. */
const holeBytesMin = 4096

/** What a reply takes beside its data. Each hole that is left out saves more than the chunks around it cost. */
const overheadBytes = 3 * replyBytesMax + readSlackBytes

/** A read that is longer is sent in pieces. */
const wholeBytesMax = sendBytes - overheadBytes

/** Of a read in pieces: long enough that the calls do not count, half of the buffer that is there. */
const pieceBytes = 1 << 20

/** The room that a read asks for before it begins. */
export const readRoomBytes = (length: number): number => (length > wholeBytesMax ? 0 : length) + overheadBytes

export function serveRead(connection: Connection): void {
  const { replies, request } = connection
  const { length } = request
  if (length === 0) replies.succeedRead(request)
  else if (length > wholeBytesMax) readInPieces(connection)
  else if (!replies.isStructured) readSimply(connection)
  else if (length >= sparseBytesMin && (request.flags & commandFlag.df) === 0 && isWholeSectors(connection)) {
    readSparsely(connection)
  } else readInOneChunk(connection)
}

function isWholeSectors({ request }: Connection): boolean {
  return ((request.offsetLow | request.length) & (sectorBytes - 1)) === 0
}

function readSimply(connection: Connection): void {
  const { replies, request } = connection
  const status = readBytes(connection, replies.at + simpleReplyBytes, request.length, request.offset)
  if (status !== 0) {
    replies.fail(request, errorOfStatus(status))
    return
  }
  replies.simple(request, nbdError.ok)
  replies.at += request.length
}

function readInOneChunk(connection: Connection): void {
  const { replies, request } = connection
  const status = readBytes(connection, replies.at + replies.dataHeaderBytes, request.length, request.offset)
  if (status !== 0) replies.fail(request, errorOfStatus(status))
  else replies.data(request, replyFlag.done, request.offset, request.length)
}

/** One chunk for each stretch of data or hole. What a stretch is, is found out first, so that neighbours become one. */
function readSparsely(connection: Connection): void {
  const { replies, request } = connection
  const begin = replies.at
  const status = addStretches(connection, request.offset, request.offset + request.length, true)
  if (status === 0) return
  // Nothing of it has been sent.
  replies.at = begin
  replies.fail(request, errorOfStatus(status))
}

/** `isLast`: the request ends at `end`. Answers a status. */
function addStretches(connection: Connection, offset: number, end: number, isLast: boolean): number {
  const { seat } = connection
  let begin = offset
  let beginIsHole = false
  for (let at = offset; at < end; ) {
    const isHoleThere = seat.isHole(at, end - at)
    const bytes = Math.min(seat.extentBytes, end - at)
    const isHole = isHoleThere && bytes >= holeBytesMin
    if (isHole !== beginIsHole && at > begin) {
      const status = addStretch(connection, begin, at - begin, beginIsHole, 0)
      if (status !== 0) return status
      begin = at
    }
    beginIsHole = isHole
    at += bytes
  }
  return addStretch(connection, begin, end - begin, beginIsHole, isLast ? replyFlag.done : 0)
}

function addStretch(connection: Connection, offset: number, length: number, isHole: boolean, flags: number): number {
  const { replies, request } = connection
  if (isHole) {
    replies.hole(request, flags, offset, length)
    return 0
  }
  const status = readBytes(connection, replies.at + replies.dataHeaderBytes, length, offset)
  if (status === 0) replies.data(request, flags, offset, length)
  return status
}

function readInPieces(connection: Connection): void {
  const { replies, request } = connection
  if (replies.isStructured && (request.flags & commandFlag.df) !== 0) {
    replies.fail(request, nbdError.overflow)
    return
  }
  const end = request.offset + request.length
  for (let at = request.offset; at < end && connection.end === undefined; ) {
    connection.breathe()
    const length = Math.min(end - at, pieceBytes - inSector(at))
    const begin = replies.at
    const error = addPiece(connection, at, length, at + length === end)
    if (error !== nbdError.ok) {
      replies.at = begin
      if (replies.isStructured || at === request.offset) replies.fail(request, error)
      else connection.end ??= { reason: 'device-gone', text: 'a read failed after its reply had begun' }
      return
    }
    at += length
  }
}

/** Answers an error of the protocol. */
function addPiece(connection: Connection, offset: number, length: number, isLast: boolean): number {
  const { replies, request } = connection
  if (connection.isGone) return errorOfStatus(statusNumbers.DEVICE_CLOSED)
  const refused = rangeRefusal(connection, offset, length, nbdError.io)
  if (refused !== nbdError.ok) return refused
  if (!replies.isStructured) {
    if (offset === request.offset) replies.simple(request, nbdError.ok)
    const status = readBytes(connection, replies.at, length, offset)
    replies.at += length
    return errorOfStatus(status)
  }
  if (isWholeSectors(connection)) return errorOfStatus(addStretches(connection, offset, offset + length, isLast))
  return errorOfStatus(addStretch(connection, offset, length, false, isLast ? replyFlag.done : 0))
}
