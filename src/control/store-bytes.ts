/**
 * The bytes of a COW for those who look at a store without an engine: a file, or whatever else can be read at an offset.
 *
 * Guarantees: a read fills all of its buffer or fails with IO_ERROR, saying where; a file that has become shorter is such a
 * failure, not zeroes.
 * System calls are made on the caller's thread: a delta makes one or two for each exception, and through the thread pool each
 * costs ten times as much. The event loop gets a turn after every MiB, or 64 calls.
 */
import { fdatasync, readSync, writeSync } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { promisify } from 'node:util'
import { CowringError } from '../base/errors.js'
import type { OpenedSource } from '../io/open-source.js'
import { systemError } from '../io/system-error.js'

export interface StoreBytes {
  /** Its path: for messages. */
  readonly name: string
  readonly sizeBytes: number
  readonly blockSectors: number
  /** Fails with IO_ERROR. */
  read(into: Uint8Array, byteOffset: number): Promise<void>
}

/** One that a store is written to. */
export interface WritableBytes extends StoreBytes {
  /** It has just been made, and is zero all over. */
  readonly isFresh?: boolean
  write(bytes: Uint8Array, byteOffset: number): Promise<void>
  /** Makes every write that has returned durable. */
  barrier(): Promise<void>
}

const syncData = promisify(fdatasync)

/** What may go by between two turns of the event loop; a call counts as a sixty-fourth of it at least. */
const turnBytes = 2 ** 20

/** `role` is for messages, and what is opened read-only is not written to. */
export function bytesOfFile(source: OpenedSource, role: string): WritableBytes {
  const name = source.path ?? source.name
  if (source.descriptor.kind !== 'file') throw new CowringError('DEVICE_UNSUPPORTED', `${name} is no file`)
  const { fd } = source.descriptor
  let gone = 0
  const takeTurns = async (byteLength: number): Promise<void> => {
    gone += Math.max(byteLength, turnBytes / 64)
    if (gone < turnBytes) return
    gone = 0
    await nextTurn()
  }
  const failed = (error: unknown, verb: string, byteLength: number, byteOffset: number): CowringError =>
    systemError(error, `${verb} ${byteLength} bytes at offset ${byteOffset} of the ${role}`, name)
  return {
    name,
    sizeBytes: source.sizeBytes,
    blockSectors: source.blockSectors,
    async read(into, byteOffset) {
      await takeTurns(into.byteLength)
      for (let done = 0, moved = 1; done < into.byteLength; done += moved) {
        const at = byteOffset + done
        try {
          moved = readSync(fd, into, done, into.byteLength - done, at)
        } catch (error) {
          throw failed(error, 'read', into.byteLength, byteOffset)
        }
        if (moved > 0) continue
        const text = `${name} ended at ${at} while it was read; it has been shortened`
        throw new CowringError('IO_ERROR', text, { path: name, byteOffset: at })
      }
    },
    async write(bytes, byteOffset) {
      await takeTurns(bytes.byteLength)
      try {
        for (let done = 0; done < bytes.byteLength; ) {
          const moved = writeSync(fd, bytes, done, bytes.byteLength - done, byteOffset + done)
          // A write that takes nothing and names no error would loop for ever; it counts as EIO.
          if (moved === 0) throw new Error('nothing was written')
          done += moved
        }
      } catch (error) {
        throw failed(error, 'write', bytes.byteLength, byteOffset)
      }
    },
    async barrier() {
      try {
        await syncData(fd)
      } catch (error) {
        throw systemError(error, `flush the ${role}`, name)
      }
    },
  }
}

const scanBytes = 2 ** 20
const zeroes = Buffer.alloc(scanBytes)

/** Where in [start, end) the first byte is that is not zero, if one is. */
export async function firstNonZero(bytes: StoreBytes, start: number, end: number): Promise<number | undefined> {
  const block = Buffer.alloc(Math.min(scanBytes, Math.max(0, end - start)))
  for (let at = start; at < end; at += block.byteLength) {
    const piece = block.subarray(0, Math.min(block.byteLength, end - at))
    await bytes.read(piece, at)
    if (!piece.equals(zeroes.subarray(0, piece.byteLength))) return at + piece.findIndex((byte) => byte !== 0)
  }
  return undefined
}
