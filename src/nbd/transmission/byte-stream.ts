/**
 * The client as the transmission phase sees it: bytes in order, into the arena and out of it.
 */
import { errno } from '../../io/block-file.js'
import { libc } from '../../io/libc.js'

export interface ByteStream {
  /** Waits for bytes, at most `byteLength`, and says how many have come to `arenaOffset`; 0 when the client is gone. */
  receive(arenaOffset: number, byteLength: number): number
  /** Waits until all bytes are on their way; false when the client is gone. */
  send(arenaOffset: number, byteLength: number): boolean
}

/** A client that is gone is an answer, not a signal. */
const noSignal = 0x4000

/**
 * A connected stream socket that blocks.
 *
 * Guarantees: no copy but the kernel's, and no object per call.
 * Requires: `arena` is shared memory, which never moves, and is kept by whoever keeps the stream.
 */
export function socketStream(fd: number, arena: Uint8Array): ByteStream {
  const system = libc()
  const address = system.addressOf(arena)

  const receive = (arenaOffset: number, byteLength: number): number => {
    for (;;) {
      const count = system.recv(fd, address + arenaOffset, byteLength, 0)
      if (count >= 0) return count
      if (system.lastErrno() !== errno.EINTR) return 0
    }
  }

  const send = (arenaOffset: number, byteLength: number): boolean => {
    for (let sent = 0; sent < byteLength; ) {
      const count = system.send(fd, address + arenaOffset + sent, byteLength - sent, noSignal)
      if (count > 0) sent += count
      else if (count === 0 || system.lastErrno() !== errno.EINTR) return false
    }
    return true
  }

  return { receive, send }
}
