/**
 * The client as the transmission phase sees it: bytes in order, into the arena and out of it.
 */
import { errno } from '../../io/block-file.js'
import { IdleSpin } from '../../io/idle-spin.js'
import { libc, socketCalls } from '../../io/libc.js'

export interface ByteStream {
  /** Waits for bytes, at most `byteLength`, and says how many have come to `arenaOffset`; 0 when the client is gone. */
  receive(arenaOffset: number, byteLength: number): number
  /** Waits until all bytes are on their way; false when the client is gone. */
  send(arenaOffset: number, byteLength: number): boolean
}

/** A client that is gone is an answer, not a signal. */
const noSignal = 0x4000
const doNotWait = 0x40
/** What `recv` answers when there is nothing yet, or something is wrong; then the call that waits will find it out. */
const nothing = -1
/**
 * How long it is looked for bytes before the thread sleeps: longer than a client with one request at a time needs for its next.
 * Waking up a processor that has gone idle takes as long, and a yield lets the client run where this thread is.
 */
const lookMsBeforeSleep = 0.1

/**
 * A connected stream socket that blocks.
 *
 * Guarantees: no copy but the kernel's, and no object per call.
 * Requires: `arena` is shared memory, which never moves, and is kept by whoever keeps the stream.
 */
export function socketStream(fd: number, arena: Uint8Array): ByteStream {
  const system = libc()
  const { recv, send: sendSome } = socketCalls()
  const address = system.addressOf(arena)

  const idle = new IdleSpin()
  let place = 0
  let room = 0
  let received = nothing
  /** Asked again after it has found something it takes nothing more. */
  const hasCome = (): boolean => {
    if (received === nothing) received = recv(fd, place, room, doNotWait)
    return received !== nothing
  }

  const receive = (arenaOffset: number, byteLength: number): number => {
    place = address + arenaOffset
    room = byteLength
    received = nothing
    if (idle.lookFor(hasCome, lookMsBeforeSleep)) return received
    for (;;) {
      const count = recv(fd, place, room, 0)
      if (count >= 0) return count
      if (system.lastErrno() !== errno.EINTR) return 0
    }
  }

  const send = (arenaOffset: number, byteLength: number): boolean => {
    for (let sent = 0; sent < byteLength; ) {
      const count = sendSome(fd, address + arenaOffset + sent, byteLength - sent, noSignal)
      if (count > 0) sent += count
      else if (count === 0 || system.lastErrno() !== errno.EINTR) return false
    }
    return true
  }

  return { receive, send }
}
