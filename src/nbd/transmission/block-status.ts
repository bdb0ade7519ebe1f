/**
 * BLOCK_STATUS: one chunk for each context, with what each stretch of the range is there.
 *
 *   compact   context 4 |           (length 4 | flags 4) …
 *   extended  context 4 | count 4 | (length 8 | flags 8) …
 *
 * An extended request may have a payload that says which contexts it means: length 8 | context 4 …
 *
 * Guarantees: lengths that are positive, together no more than the range; neighbours with equal flags are one.
 */
import { sectorBytes } from '../../base/units.js'
import type { NegotiatedContext } from '../connection-task.js'
import { baseAllocation, commandFlag, extendedReplyBytes, nbdError, replyFlag, replyType } from '../protocol.js'
import type { Connection } from './connection.js'
import { rangeRefusal } from './refusal.js'
import { inSector } from './sectors.js'

/** The protocol's own limit for one chunk. */
const descriptorsMax = 1 << 20

/** A suspension waits no longer for one request, whatever it asks for. The protocol allows to answer for less. */
const lookupMsMax = 1000

/** Of one question, since a device may look at each of its chunks: some 4 million of the smallest usual ones. */
const lookupBytesMax = 16 * 2 ** 30

/** The room a request asks for before it begins: some thousand descriptors for each of the usual contexts. */
export const statusRoomBytes = 256 << 10

const wordValues = 2 ** 32

/** `payloadOffset` is where a payload lies, if there is one. */
export function serveBlockStatus(connection: Connection, payloadOffset: number): void {
  const { contexts, replies, request } = connection
  let { length } = request
  let asked: readonly NegotiatedContext[] | undefined = contexts
  if (request.payloadBytes > 0) {
    length = payloadLength(connection, payloadOffset)
    asked = askedContexts(connection, payloadOffset)
  }
  if (asked === undefined || asked.length === 0 || length === 0) {
    replies.fail(request, nbdError.inval)
    return
  }
  const refused = rangeRefusal(connection, request.offset, length, nbdError.inval)
  if (refused !== nbdError.ok) {
    replies.fail(request, refused)
    return
  }
  // Each context its share of the room, so that the last has some too.
  for (let place = 0; place < asked.length; place++) {
    const share = Math.floor(connection.room / (asked.length - place))
    const untilMs = performance.now() + lookupMsMax / asked.length
    addContext(connection, asked[place] as NegotiatedContext, length, share, untilMs, place === asked.length - 1)
  }
}

const lengthBytes = 8
const idBytes = 4

function payloadLength({ request, view }: Connection, at: number): number {
  if (request.payloadBytes < lengthBytes + idBytes) return 0
  return view.getUint32(at) * wordValues + view.getUint32(at + 4)
}

/** `undefined` unless the payload names contexts that were negotiated, each once. */
function askedContexts(connection: Connection, at: number): readonly NegotiatedContext[] | undefined {
  const { contexts, request, view } = connection
  const ids = request.payloadBytes - lengthBytes
  if (ids < 0 || ids % idBytes !== 0 || ids > idBytes * contexts.length) return undefined
  const asked: NegotiatedContext[] = []
  for (let id = at + lengthBytes; id < at + request.payloadBytes; id += idBytes) {
    const context = contexts.find((each) => each.id === view.getUint32(id))
    if (context === undefined || asked.includes(context)) return undefined
    asked.push(context)
  }
  return asked
}

function addContext(
  connection: Connection,
  context: NegotiatedContext,
  length: number,
  shareBytes: number,
  untilMs: number,
  isLast: boolean,
): void {
  const { replies, request, view } = connection
  const { isExtended, offset } = request
  const begin = replies.at
  const descriptorBytes = isExtended ? 16 : 8
  const fitting = Math.floor((shareBytes - extendedReplyBytes - 8) / descriptorBytes)
  const countMax = (request.flags & commandFlag.reqOne) !== 0 ? 1 : Math.min(descriptorsMax, fitting)
  replies.chunk(request, isLast ? replyFlag.done : 0, isExtended ? replyType.blockStatusExt : replyType.blockStatus, 0)
  const payload = replies.at
  replies.word(context.id)
  const countAt = replies.at
  if (isExtended) replies.word(0)

  const end = offset + length
  let count = 0
  let runBegin = offset
  let runFlags = -1
  let at = offset
  while (at < end) {
    const before = inSector(at)
    const wholeBytes = Math.ceil((before + end - at) / sectorBytes) * sectorBytes
    const flags = flagsAt(connection, context, at - before, Math.min(wholeBytes, lookupBytesMax))
    if (flags !== runFlags && runFlags >= 0) {
      addDescriptor(connection, at - runBegin, runFlags)
      count++
      runBegin = at
      runFlags = -1
      if (count === countMax) break
    }
    if (at > offset && performance.now() > untilMs) break
    runFlags = flags
    at = Math.min(end, at + connection.seat.extentBytes - before)
  }
  if (runFlags >= 0) {
    addDescriptor(connection, at - runBegin, runFlags)
    count++
  }
  if (isExtended) view.setUint32(countAt, count)
  replies.setPayloadBytes(begin, replies.at - payload)
}

function addDescriptor({ replies, request }: Connection, length: number, flags: number): void {
  if (request.isExtended) {
    replies.long(length)
    replies.long(flags)
  } else {
    replies.word(length)
    replies.word(flags)
  }
}

function flagsAt({ seat }: Connection, context: NegotiatedContext, offset: number, length: number): number {
  switch (context.kind) {
    case 'allocation':
      return seat.isHole(offset, length) ? baseAllocation.hole | baseAllocation.zero : 0
    case 'depth':
      return seat.depth(offset, length)
    case 'dirty':
      return seat.dirty(context.snapshotDevice, offset, length)
  }
}
