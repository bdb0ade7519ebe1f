/** What check says about stores that are odd and load. */
import { describe, expect, it } from 'vitest'
import { inspectBytes } from '../../../src/control/inspect-store.js'
import { BytesInMemory } from '../../support/fuzz/bytes-in-memory.js'
import { putEntry, storeByHand } from '../../support/store-by-hand.js'
import { newChunkOf } from '../../support/store-image.js'

const reportOf = async (bytes: Uint8Array) => (await inspectBytes(new BytesInMemory(bytes), undefined)).report()
const remarksOf = async (bytes: Uint8Array) => {
  const { problems, remarks } = await reportOf(bytes)
  expect(problems).toEqual([])
  return remarks
}
const sound = (count: number, chunkSectors: number, gap = 0) =>
  Array.from({ length: count }, (_, index) => [index * 3, newChunkOf(index + gap, chunkSectors)] as const)

describe('a remark', () => {
  it('is not made about a good store, empty, half an area, one area, more than one', async () => {
    for (const count of [0, 5, 31, 32, 33, 64, 70]) {
      expect(await remarksOf(storeByHand({ chunkSectors: 1, chunks: 140, entries: sound(count, 1) }))).toEqual([])
    }
  })

  it('is made about data chunks that belong to no entry', async () => {
    expect(await remarksOf(storeByHand({ entries: sound(3, 8, 1) }))).toEqual([
      'a data chunk belongs to no entry (it is chunk 2): 8 sectors are lost',
    ])
    const entries = [
      [1, 2],
      [2, 3],
      [3, 9],
    ] as const
    expect(await remarksOf(storeByHand({ entries }))).toEqual([
      '5 data chunks belong to no entry (the first is chunk 4): 40 sectors are lost',
    ])
  })

  it('is made about entries that lie out of order', async () => {
    const entries = [
      [1, 4],
      [2, 2],
      [3, 3],
    ] as const
    expect(await remarksOf(storeByHand({ entries }))).toEqual([
      'entry 1 points at a lower chunk than the one before: old kernels wrote such lists, and they load',
    ])
    const swapped = [4, 3, 2].map((chunk) => [chunk, chunk] as const)
    expect(await remarksOf(storeByHand({ entries: swapped }))).toEqual([
      '2 entries point at a lower chunk than the one before (the first is entry 1): old kernels wrote such lists, and they load',
    ])
  })

  it('is made about what is behind the end of the list in its area, the end mark included', async () => {
    const stale = (entry: number, old: number, newChunk: number) => {
      const bytes = storeByHand({ chunkSectors: 1, chunks: 70, entries: sound(3, 1) })
      putEntry(bytes, 1, entry, old, newChunk)
      return remarksOf(bytes)
    }
    const text = (from: number) =>
      `area 0 is not zero behind the list's end at entry 3, from entry ${from} on: a crash left it, and who writes to the store next clears it`
    expect(await stale(4, 9, 6)).toEqual([text(4)])
    expect(await stale(31, 0, 6)).toEqual([text(31)])
    expect(await stale(3, 9, 0)).toEqual([text(3)])
  })

  it('is made about a next area that is not zero, be the list far from it, close to it, or at its start', async () => {
    const next = (entries: number, entry: number) => {
      const bytes = storeByHand({ chunkSectors: 1, chunks: 110, entries: sound(entries, 1) })
      putEntry(bytes, 1, entry, 9, 6)
      return remarksOf(bytes)
    }
    const harmless = 'area 1, the one after the list, is not zero: harmless, it is zeroed before the list reaches it'
    expect(await next(3, 32)).toEqual([harmless])
    expect(await next(31, 32)).toEqual([harmless])
    // W2: the list ends exactly where the area does, and goes on in the next one.
    expect(await next(32, 33)).toEqual([
      "area 1 is not zero behind the list's end at entry 32, from entry 33 on: a crash left it, and who writes to the store next clears it",
    ])
    expect(await next(32, 65)).toEqual([
      'area 2, the one after the list, is not zero: harmless, it is zeroed before the list reaches it',
    ])
  })

  it('W2: is made about an area that was not zeroed before the one before it was filled', async () => {
    const bytes = storeByHand({ chunkSectors: 1, chunks: 110, entries: sound(32, 1) })
    putEntry(bytes, 1, 32, 1, 2n ** 40n)
    const { problems, remarks } = await reportOf(bytes)
    expect(problems).toEqual([`entry 32 points at chunk ${2 ** 40}, past the COW's 110 chunks`])
    expect(remarks).toEqual([
      'area 1 begins with a bad entry: it may be what was there before, if it was not zeroed when area 0 was filled',
    ])
  })

  it('is made about a size that is no multiple of the chunk', async () => {
    const bytes = storeByHand({ entries: sound(3, 8) })
    const longer = (sectors: number) => Buffer.concat([bytes, Buffer.alloc(sectors * 512)])
    expect(await remarksOf(longer(1))).toEqual(['its last sector is less than a chunk, and never used'])
    expect(await remarksOf(longer(3))).toEqual(['its last 3 sectors are less than a chunk, and never used'])
  })

  it('is made about a header that others have written to', async () => {
    const bytes = storeByHand({ entries: sound(3, 8), header: { valid: 0x10 } })
    bytes[4095] = 1
    expect(await remarksOf(bytes)).toEqual([
      'its header has 0x10 for valid, where 1 is written',
      "its header's chunk is not zero behind the fields, from byte 4095 on",
    ])
  })

  it('is made about a store that status will show as fuller than it is large', async () => {
    const entries = [[5, 33]] as const
    expect(await remarksOf(storeByHand({ chunkSectors: 1, chunks: 34, entries }))).toEqual([
      'it is full, and counts as fuller than it is large: 35 sectors of 34',
      '31 data chunks belong to no entry (the first is chunk 2): 31 sectors are lost',
    ])
  })
})
