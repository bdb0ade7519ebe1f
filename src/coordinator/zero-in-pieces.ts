/**
 * Zeroes over a range of any length: in place where that can be done, and otherwise as ordinary writes, which is what the
 * kernel falls back to as well.
 *
 * Guarantees: bounded memory and a bounded number of requests at a time, so that others get their turn beside a terabyte of
 * zeroes; when it rejects, nothing of it is in flight any more.
 */
import { extentBytesMax } from '../wire/operation.js'

/** How much is tried in place at once, before zeroes are written there. */
const windowBytes = 2 ** 30
/** Writes in flight: enough to keep every worker busy. */
const writesInFlight = 8

export async function zeroInPieces(
  start: number,
  end: number,
  zeroInPlace: (byteOffset: number, byteLength: number) => Promise<boolean>,
  write: (byteOffset: number, bytes: Uint8Array) => Promise<void>,
): Promise<void> {
  let zeroes: Uint8Array | undefined
  for (let at = start; at < end; ) {
    const to = Math.min(end, at + windowBytes - (at % windowBytes))
    if (!(await zeroInPlace(at, to - at))) {
      zeroes ??= new Uint8Array(Math.min(extentBytesMax, end - start))
      await writeOver(at, to, zeroes, write)
    }
    at = to
  }
}

async function writeOver(
  start: number,
  end: number,
  zeroes: Uint8Array,
  write: (byteOffset: number, bytes: Uint8Array) => Promise<void>,
): Promise<void> {
  let next = start
  const writer = async () => {
    while (next < end) {
      const at = next
      // At multiples, so that chunks up to this size are written whole and need no copy.
      const byteLength = Math.min(extentBytesMax - (at % extentBytesMax), end - at)
      next += byteLength
      try {
        await write(at, zeroes.subarray(0, byteLength))
      } catch (error) {
        next = end
        throw error
      }
    }
  }
  const outcomes = await Promise.allSettled(Array.from({ length: writesInFlight }, writer))
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
}
