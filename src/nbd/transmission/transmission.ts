/**
 * The transmission phase: receive, carry out as many requests as have come, send, until the client is gone.
 *
 * Guarantees: a request is carried out when all of it is there (an oversized one piece by piece). What a client sends costs
 * it its own connection at most: every wrong request is answered, and only what is no request ends the connection.
 */
import type { ConnectionEnd } from '../connection-task.js'
import { command, nbdError } from '../protocol.js'
import { serveBlockStatus, statusRoomBytes } from './block-status.js'
import { cacheRoomBytes, serveCache } from './cache.js'
import { batchRequestsMax, type Connection } from './connection.js'
import { droppedBytesMax, Oversized } from './oversized.js'
import { readRoomBytes, serveRead } from './read.js'
import { refusal } from './refusal.js'
import { replyBytesMax } from './replies.js'
import { magicBytes } from './request.js'
import { serveWrite } from './write.js'
import { serveTrim, serveWriteZeroes } from './zero.js'

export function transmit(connection: Connection): ConnectionEnd {
  const oversized = new Oversized(connection)
  while (connection.end === undefined) {
    const wanted = wantedBytes(connection, oversized)
    if (wanted > connection.inbox.available) {
      connection.receive(wanted)
      continue
    }
    connection.enter()
    serveBatch(connection, oversized)
    connection.leave()
    connection.send()
  }
  return connection.isGone ? { ...connection.end, reason: 'device-gone' } : connection.end
}

/** How many bytes must be there before something can be done. Reads the next header if it is there. */
function wantedBytes(connection: Connection, oversized: Oversized): number {
  const { inbox, request, view } = connection
  if (oversized.left > 0) return oversized.wanted
  const { headerBytes } = request
  if (inbox.available < headerBytes) {
    // Whoever speaks something else may not send more before it is told so.
    return inbox.available < magicBytes || request.readMagic(view, inbox.head) ? headerBytes : magicBytes
  }
  request.read(view, inbox.head)
  const whole = headerBytes + request.payloadBytes
  return request.hasMagic && whole <= inbox.byteLength ? whole : headerBytes
}

/** At least one request or piece, and no more than there is room for. */
function serveBatch(connection: Connection, oversized: Oversized): void {
  const { inbox } = connection
  for (let count = 0; count < batchRequestsMax; count++) {
    if (connection.end !== undefined || wantedBytes(connection, oversized) > inbox.available) return
    if (oversized.left > 0) oversized.step()
    else if (count > 0 && connection.room < roomBytes(connection)) return
    else serve(connection, oversized)
  }
}

/** The room that the next request asks for. With all of the buffer free, every request has it. */
function roomBytes({ request }: Connection): number {
  switch (request.type) {
    case command.read:
      return readRoomBytes(request.length)
    case command.cache:
      return cacheRoomBytes + replyBytesMax
    case command.blockStatus:
      return statusRoomBytes
    default:
      return replyBytesMax
  }
}

/** The request whose header has been read, and whose payload is there unless it is oversized. */
function serve(connection: Connection, oversized: Oversized): void {
  const { inbox, replies, request } = connection
  if (!request.hasMagic) {
    connection.end = { reason: 'protocol', text: 'no request begins where one should' }
    return
  }
  if (request.type === command.disc) {
    connection.end = { reason: 'disconnected' }
    return
  }
  if (request.payloadBytes > droppedBytesMax) {
    connection.end = { reason: 'protocol', text: `a request with ${request.payloadBytes} bytes of payload` }
    return
  }
  inbox.take(request.headerBytes)
  if (request.headerBytes + request.payloadBytes > inbox.byteLength) {
    oversized.begin()
    return
  }
  const payloadOffset = inbox.head
  inbox.take(request.payloadBytes)
  const refused = refusal(connection)
  if (refused === nbdError.ok) carryOut(connection, payloadOffset)
  else replies.fail(request, refused)
}

function carryOut(connection: Connection, payloadOffset: number): void {
  const { request, unflushed } = connection
  switch (request.type) {
    case command.read:
      serveRead(connection)
      break
    case command.write:
      serveWrite(connection, payloadOffset)
      break
    case command.flush:
      // Answered with the batch's flush, which comes later and so covers no less.
      unflushed.add(request, true)
      break
    case command.trim:
      serveTrim(connection)
      break
    case command.cache:
      serveCache(connection)
      break
    case command.writeZeroes:
      serveWriteZeroes(connection)
      break
    default:
      serveBlockStatus(connection, payloadOffset)
  }
}
