import { describe, expect, it } from 'vitest'
import { inspectBytes } from '../../../src/control/inspect-store.js'
import { openStore } from '../../../src/control/open-store.js'
import { blockBytes, StoreIo } from '../../../src/control/store-io.js'
import { MemoryFile } from '../../../src/io/memory-file.js'
import { BytesInMemory } from '../../support/fuzz/bytes-in-memory.js'
import { loadedFrom } from '../../support/fuzz/loaded.js'
import { putEntry, storeByHand } from '../../support/store-by-hand.js'
import { entryOffset } from '../../support/store-image.js'

describe('a load for writing', () => {
  it.each([
    ['in the block of the end', 8, 5],
    ['in the last bytes of the area', 8, 255],
    ['far behind the end, where only another program can have left them', 2048, 65535],
    ['in a later MiB of a large area', 4096, 100_000],
  ])('clears what is behind the list %s', async (_, chunkSectors, entry) => {
    const bytes = storeByHand({ chunkSectors, chunks: 4, entries: [[7, 2]] })
    putEntry(bytes, chunkSectors, entry, 9, 3)
    const loaded = await loadedFrom(bytes, 100 * chunkSectors)
    expect([...loaded.exceptions]).toEqual([[7, 2]])
    const at = entryOffset(entry, chunkSectors)
    expect(Buffer.from(bytes.fill(0, at, at + 16)).equals(loaded.bytes)).toBe(true)
  })

  it('writes nothing where nothing is behind the list', async () => {
    const loaded = await loadedFrom(storeByHand({ entries: [[7, 2]] }), 800)
    // Header, list, the rest of the area: reads.
    expect(loaded.calls).toBe(3)
  })
})

describe('what a killed process has left in memory only', () => {
  const opened = async (use: 'attach' | 'look', bytes: Uint8Array): Promise<string[]> => {
    const arena = new Uint8Array(new SharedArrayBuffer(blockBytes))
    const cow = new Uint8Array(new SharedArrayBuffer(bytes.byteLength))
    cow.set(bytes)
    const file = new MemoryFile(cow, arena, false)
    const calls: string[] = []
    const told = {
      read: (...words: Parameters<MemoryFile['read']>) => file.read(...words),
      write: (...words: Parameters<MemoryFile['write']>) => {
        calls.push('write')
        return file.write(...words)
      },
      barrier: () => {
        calls.push('barrier')
        return file.barrier()
      },
    }
    const io = new StoreIo({ name: 'memory', sizeBytes: cow.byteLength, blockSectors: 1 }, told, arena, 0)
    await openStore(io, 8, { sizeBytes: 800 * 512, blockSectors: 1 }, use)
    return calls
  }

  it.each([
    ['a list', true],
    ['an invalid header', false],
  ])('is made durable before it is relied upon: %s', async (_, valid) => {
    const bytes = storeByHand({ entries: [[7, 2]] })
    if (!valid) new DataView(bytes.buffer, bytes.byteOffset).setUint32(4, 0, true)
    expect(await opened('attach', bytes)).toEqual(['barrier'])
    expect(await opened('look', bytes)).toEqual([])
  })
})

/** A COW of 4 PiB, of which only the first bytes are something. */
class HugeBytes extends BytesInMemory {
  override get sizeBytes(): number {
    return 2 ** 52
  }

  override async read(into: Uint8Array, byteOffset: number): Promise<void> {
    into.fill(0)
    into.set(this.bytes.subarray(byteOffset, byteOffset + into.byteLength))
  }
}

describe('memory', () => {
  it('of a check goes by the entries, not by the size of the COW nor by the numbers in it', async () => {
    const entries = Array.from({ length: 31 }, (_, index) => [index * 2 ** 35, 2 + index * 33 * 2 ** 32] as const)
    const bytes = new HugeBytes(storeByHand({ chunkSectors: 1, chunks: 40, entries }))
    const before = process.memoryUsage().arrayBuffers
    const report = await (await inspectBytes(bytes, undefined)).report()
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 20)
    // The engine's maps have words of 32 bits, and it says so when it loads such a store.
    expect(report.problems).toEqual(
      entries
        .map(([, newChunk], entry) => ({ entry, newChunk }))
        .filter(({ newChunk }) => newChunk > 2 ** 32 - 2)
        .map(
          ({ entry, newChunk }) =>
            `entry ${entry} points at chunk ${newChunk}; cowring addresses ${2 ** 32 - 2} chunks of a COW`,
        ),
    )
  })
})
