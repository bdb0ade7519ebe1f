/** What a repair takes over from a damaged store, and what it says of the rest. The bytes are in memory. */
import { describe, expect, it } from 'vitest'
import { CowringError } from '../../../src/base/errors.js'
import { inspectBytes } from '../../../src/control/inspect-store.js'
import { type RepairJob, type RepairReport, repairBytes } from '../../../src/control/repair-store.js'
import { BytesInMemory } from '../../support/fuzz/bytes-in-memory.js'
import { putEntry, type StoreByHand, storeByHand } from '../../support/store-by-hand.js'
import { decodeStore, newChunkOf } from '../../support/store-image.js'

interface Repaired {
  readonly report: RepairReport
  /** Old chunk → the byte its data is made of. */
  readonly data: ReadonlyMap<number, number>
  readonly made: BytesInMemory
}

type Wishes = Omit<RepairJob, 'from' | 'open'>

async function repair(bytes: Uint8Array, wishes: Wishes = {}, unreadable: readonly number[] = []): Promise<Repaired> {
  let made: BytesInMemory | undefined
  const open = (byteLength: number) => {
    made = new BytesInMemory(new Uint8Array(byteLength), { isFresh: true, name: 'new' })
    return made
  }
  const report = await repairBytes({ ...wishes, from: new BytesInMemory(bytes, { unreadable, name: 'old' }), open })
  if (made === undefined) throw new Error('the new store was opened')
  const store = decodeStore(made.bytes)
  const chunkBytes = (store?.chunkSectors ?? 0) * 512
  const data = new Map<number, number>()
  for (const [index, { newChunk, oldChunk }] of (store?.exceptions ?? []).entries()) {
    expect(newChunk).toBe(newChunkOf(index, store?.chunkSectors ?? 0))
    const chunk = made.bytes.subarray(newChunk * chunkBytes, (newChunk + 1) * chunkBytes)
    expect(new Set(chunk).size).toBe(1)
    data.set(oldChunk, chunk[0] ?? 0)
  }
  const check = await (await inspectBytes(made, wishes.originSectors)).report()
  expect([...check.problems, ...check.remarks]).toEqual([])
  return { report, data, made }
}

async function refusal(bytes: Uint8Array, wishes: Wishes = {}, unreadable: readonly number[] = []) {
  const from = new BytesInMemory(bytes, { unreadable, name: 'old' })
  const open = () => {
    throw new Error('a repair that is refused opens nothing')
  }
  const error = await repairBytes({ ...wishes, from, open }).catch((failure: unknown) => failure)
  expect(error).toBeInstanceOf(CowringError)
  return error as CowringError
}

const of = (entries: StoreByHand['entries'], more: StoreByHand = {}) => storeByHand({ ...more, entries: entries ?? [] })
const reasonsOf = ({ dropped }: RepairReport) => dropped.map(({ reason, isLost }) => [reason, isLost])

describe('a sound store', () => {
  it('comes out with the same content, packed without gaps', async () => {
    const { report, data } = await repair(
      of([
        [7, 9],
        [3, 4],
        [0, 2],
      ]),
    )
    expect(report).toEqual({
      from: 'old',
      to: 'new',
      chunkSectors: 8,
      entries: 3,
      kept: 3,
      dropped: [],
      lost: [],
      notes: [],
    })
    expect([...data]).toEqual([
      [7, 9],
      [3, 4],
      [0, 2],
    ])
  })

  it.each([0, 1, 31, 32, 33, 64, 100])('of %i entries comes out whole, be it over several areas', async (count) => {
    const entries = Array.from({ length: count }, (_, index) => [index * 2, newChunkOf(count - 1 - index, 1)] as const)
    const { report, data, made } = await repair(of(entries, { chunkSectors: 1, chunks: 150 }))
    expect(report).toMatchObject({ entries: count, kept: count, dropped: [] })
    expect([...data]).toEqual(entries)
    expect(made.sizeBytes).toBe(150 * 512)
  })

  it('of chunks that are larger than what is copied at once comes out whole', async () => {
    const { data } = await repair(
      of(
        [
          [1, 3],
          [9, 2],
        ],
        { chunkSectors: 4096, chunks: 5 },
      ),
    )
    expect([...data]).toEqual([
      [1, 3],
      [9, 2],
    ])
  })

  it('of a size that is no multiple of the chunk becomes one of whole chunks', async () => {
    const bytes = Buffer.concat([of([[1, 2]]), Buffer.alloc(3 * 512)])
    expect((await repair(bytes)).made.sizeBytes).toBe(64 * 4096)
  })
})

describe('an entry is left out', () => {
  it('when it is wrong by itself', async () => {
    const bytes = of([
      [1, 2],
      [2, 64],
      [3, 1],
      [4, 2n ** 63n],
      [100, 3],
      [2n ** 63n, 4],
    ])
    const { report, data } = await repair(bytes, { originSectors: 100 * 8 })
    expect([...data]).toEqual([[1, 2]])
    expect(reasonsOf(report)).toEqual([
      ["entry 1 points at chunk 64, past the COW's 64 chunks", true],
      ['entry 2 points at chunk 1, which holds metadata', true],
      ["entry 3 points at chunk 9223372036854776000, past the COW's 64 chunks", true],
      // No chunk of the origin loses anything by these.
      ["entry 4 is for chunk 100, past the origin's 100 chunks", false],
      ["entry 5 is for chunk 9223372036854776000, past the origin's 100 chunks", false],
    ])
    expect(report.lost).toEqual([{ offset: 2 * 4096, length: 3 * 4096 }])
    expect(report.notes).toEqual([
      "2 entries that were left out were perhaps for another chunk than said: those show the origin's present content too, and cannot be named",
    ])
  })

  it('with every other that points at the same chunk for another one of the origin', async () => {
    const { report, data } = await repair(
      of([
        [1, 2],
        [2, 3],
        [3, 2],
        [4, 2],
      ]),
    )
    expect([...data]).toEqual([[2, 3]])
    expect(reasonsOf(report)).toEqual([
      ['entry 0 points at chunk 2, and so does entry 2', true],
      ['entry 2 points at chunk 2, and so does entry 0', true],
      ['entry 3 points at chunk 2, and so does entry 0', true],
    ])
    expect(report.lost).toEqual([
      { offset: 4096, length: 4096 },
      { offset: 3 * 4096, length: 2 * 4096 },
    ])
  })

  it('with every other for the same chunk of the origin, if their data differs', async () => {
    const { report, data } = await repair(
      of([
        [1, 2],
        [5, 3],
        [1, 4],
      ]),
    )
    expect([...data]).toEqual([[5, 3]])
    expect(reasonsOf(report)).toEqual([
      ['entry 0 is for chunk 1, and so is entry 2', true],
      ['entry 2 is for chunk 1, and so is entry 0', true],
    ])
  })

  it('when it repeats another, which stays: the same numbers, or the same data', async () => {
    const bytes = of(
      [
        [1, 2],
        [1, 2],
        [5, 3],
        [5, 6],
      ],
      { data: () => 9 },
    )
    const { report, data } = await repair(bytes)
    expect([...data]).toEqual([
      [1, 9],
      [5, 9],
    ])
    expect(reasonsOf(report)).toEqual([
      ['entry 1 repeats entry 0', false],
      ['entry 3 repeats entry 2', false],
    ])
    expect(report.lost).toEqual([])
    // One of two that say the same may have said something else once.
    expect(report.notes).toEqual([
      expect.stringContaining('2 entries that were left out were perhaps for another chunk'),
    ])
  })

  it('when one that is wrong by itself contradicts it: which number is the damaged one cannot be told', async () => {
    const bytes = of([
      [1, 2],
      [1, 900],
      [900, 3],
      [4, 3],
      [5, 6],
    ])
    const { report, data } = await repair(bytes, { originSectors: 100 * 8 })
    expect([...data]).toEqual([[5, 6]])
    expect(report.lost).toEqual([
      { offset: 4096, length: 4096 },
      { offset: 4 * 4096, length: 4096 },
    ])
  })

  it('when its data cannot be read, and its neighbours are kept', async () => {
    const bytes = of([
      [1, 2],
      [2, 3],
      [3, 4],
    ])
    const { report, data } = await repair(bytes, { originSectors: 21 }, [3 * 8 + 5])
    expect([...data]).toEqual([[1, 2]])
    expect(reasonsOf(report)).toEqual([
      ['entry 1 points at chunk 3, whose data cannot be read: sector 29 is bad', true],
      ["entry 2 is for chunk 3, past the origin's 3 chunks", false],
    ])
    // The last chunk of the origin has 5 sectors.
    expect(report.lost).toEqual([{ offset: 8192, length: 5 * 512 }])
  })

  it('when a part of its large chunk cannot be read', async () => {
    const entries = [
      [1, 2],
      [9, 3],
    ] as const
    const { report, data } = await repair(of(entries, { chunkSectors: 4096, chunks: 5 }), {}, [2 * 4096 + 4000])
    expect([...data]).toEqual([[9, 3]])
    expect(report.lost).toEqual([{ offset: 2 ** 21, length: 2 ** 21 }])
  })
})

describe('metadata that cannot be read', () => {
  const entries = Array.from({ length: 100 }, (_, index) => [index, newChunkOf(index, 2)] as const)
  const bytes = () => of(entries, { chunkSectors: 2, chunks: 140 })

  it('is stepped over within an area, and what it held is said to be lost', async () => {
    // Area 0 is chunk 1: its first sector is sector 2, with entries 0 to 31.
    const { report, data } = await repair(bytes(), {}, [2])
    expect([...data]).toEqual(entries.slice(32).map(([old, newChunk]) => [old, newChunk % 256]))
    expect(report.notes).toEqual([
      'entries 0 to 31 cannot be read, and which chunks they were for is lost with them: sector 2 is bad',
    ])
    expect(report).toMatchObject({ entries: 68, kept: 68 })
  })

  it('ends the list where it is the end of an area: the next may be what was there before', async () => {
    const { report, data } = await repair(bytes(), {}, [3])
    expect([...data.keys()]).toEqual(entries.slice(0, 32).map(([old]) => old))
    expect(report.notes).toEqual([
      'entries 32 to 63 cannot be read, and which chunks they were for is lost with them: sector 3 is bad',
      'the list was not followed past an area whose end cannot be read',
    ])
  })

  it('that leaves nothing is a refusal', async () => {
    expect(await refusal(bytes(), {}, [2, 3])).toMatchObject({ code: 'STORE_CORRUPT' })
  })

  it('at one time and not at another is a refusal', async () => {
    const flaky = new (class extends BytesInMemory {
      override async read(into: Uint8Array, byteOffset: number): Promise<void> {
        if (byteOffset <= 1024 && byteOffset + into.byteLength > 1024 && this.reads++ > 3) {
          throw new CowringError('IO_ERROR', 'now it is bad')
        }
        await super.read(into, byteOffset)
      }
    })(bytes())
    const open = (byteLength: number) => new BytesInMemory(new Uint8Array(byteLength), { isFresh: true })
    await expect(repairBytes({ from: flaky, open })).rejects.toMatchObject({ code: 'IO_ERROR' })
  })
})

describe('the order of writing', () => {
  it('has the header last, with a barrier before it and one behind: no crash leaves half a store that loads', async () => {
    const steps: string[] = []
    const entries = Array.from({ length: 40 }, (_, index) => [index, newChunkOf(index, 1)] as const)
    const from = new BytesInMemory(of(entries, { chunkSectors: 1, chunks: 60 }))
    const open = (byteLength: number) => {
      const made = new BytesInMemory(new Uint8Array(byteLength), { isFresh: true })
      return Object.assign(made, {
        write: async (bytes: Uint8Array, byteOffset: number) => {
          steps.push(byteOffset === 0 ? 'header' : 'write')
          made.bytes.set(bytes, byteOffset)
        },
        barrier: async () => void steps.push('barrier'),
      })
    }
    await repairBytes({ from, open })
    expect(steps.slice(-3)).toEqual(['barrier', 'header', 'barrier'])
    // Data and area, twice.
    expect(steps.slice(0, -3)).toEqual(['write', 'write', 'write', 'write'])
  })

  it('a store that does not read back as it was written is an error', async () => {
    const open = (byteLength: number) => {
      const made = new BytesInMemory(new Uint8Array(byteLength), { isFresh: true })
      const write = async (bytes: Uint8Array, byteOffset: number) => {
        if (byteOffset !== 4096) made.bytes.set(bytes, byteOffset)
      }
      return Object.assign(made, { write })
    }
    const job = { from: new BytesInMemory(of([[1, 2]])), open }
    await expect(repairBytes(job)).rejects.toMatchObject({ code: 'IO_ERROR' })
  })
})

describe('a list without an end', () => {
  it('is taken as far as it goes, into a store that is a chunk larger where it must be', async () => {
    const entries = Array.from({ length: 32 }, (_, index) => [index, newChunkOf(index, 1)] as const)
    const { report, made, data } = await repair(of(entries, { chunkSectors: 1, chunks: 34 }))
    expect(data.size).toBe(32)
    expect(made.sizeBytes).toBe(35 * 512)
    expect(report.notes).toEqual(['the list went on past the end of the COW: entries that lay there are lost'])
  })

  it('that has nothing at all is a refusal', async () => {
    expect(await refusal(of([], { chunks: 1 }))).toMatchObject({ code: 'STORE_CORRUPT' })
  })
})

describe('a header', () => {
  const entries = [
    [1, 2],
    [9, 3],
  ] as const

  it.each([
    [{ chunkSectors: 24 }, 'STORE_CORRUPT', 'its header names a chunk of 24 sectors: Chunk size is not a power of 2'],
    [{ version: 2 }, 'STORE_VERSION', 'it is a store of disk version 2; only version 1 is known'],
    [{ magic: 0x1234 }, 'COW_NOT_A_STORE', 'it begins with 0x1234, as no store does'],
    [{ magic: 0 }, 'COW_NOT_A_STORE', 'it is blank, where a store begins'],
  ])('of %j is refused with %s, unless the chunk size is given', async (header, code, text) => {
    const bytes = of(entries, { header })
    const error = await refusal(bytes)
    expect(error.code).toBe(code)
    expect(error.message).toContain(text)
    const { report, data } = await repair(bytes, { chunkSectors: 8 })
    expect([...data]).toEqual(entries)
    expect(report.notes).toEqual([`${text}; it was read with chunks of 8 sectors, as asked for`])
  })

  it('that is legal and wrong is overruled, and that is said', async () => {
    const { report, data } = await repair(of(entries, { header: { chunkSectors: 16 } }), { chunkSectors: 8 })
    expect([...data]).toEqual(entries)
    expect(report.notes).toEqual(['its header says 16 sectors; it was read with chunks of 8 sectors, as asked for'])
  })

  it('is not overruled by what is no chunk size', async () => {
    expect(await refusal(of(entries), { chunkSectors: 24 })).toMatchObject({ code: 'INVALID_ARGUMENT' })
  })

  it('of an invalidated store is a refusal unless its rest is asked for, and then it is said what that is', async () => {
    const bytes = of(entries, { header: { valid: 0 } })
    expect(await refusal(bytes)).toMatchObject({ code: 'SNAPSHOT_INVALID' })
    const { report, data } = await repair(bytes, { salvageInvalid: true })
    expect([...data]).toEqual(entries)
    expect(report.notes).toEqual([
      'it was invalidated, or its header says so: the snapshot shows no moment of the origin',
    ])
  })

  it('that cannot be read says neither: the chunk size must be given, and the rest asked for', async () => {
    const bytes = of(entries)
    expect(await refusal(bytes, {}, [0])).toMatchObject({ code: 'IO_ERROR' })
    expect(await refusal(bytes, { chunkSectors: 8 }, [0])).toMatchObject({ code: 'SNAPSHOT_INVALID' })
    const { data } = await repair(bytes, { chunkSectors: 8, salvageInvalid: true }, [0])
    expect([...data]).toEqual(entries)
  })
})

describe('a store that cannot be understood', () => {
  it('becomes no empty store', async () => {
    const error = await refusal(of([[1, 900]]))
    expect(error.code).toBe('STORE_CORRUPT')
    expect(error.message).toContain("entry 0 points at chunk 900, past the COW's 64 chunks")
  })

  it('with more bad entries than a store can have by accident is refused, in bounded memory', async () => {
    const count = 2 ** 18 + 1
    const chunkSectors = 16384
    const bytes = storeByHand({ chunkSectors, chunks: 3 })
    for (let entry = 0; entry < count; entry++) putEntry(bytes, chunkSectors, entry, 7, 2)
    expect(await refusal(bytes)).toMatchObject({ code: 'LIMIT_EXCEEDED' })
    putEntry(bytes, chunkSectors, count - 1, 0, 0)
    const { report } = await repair(bytes)
    expect(report).toMatchObject({ entries: count - 1, kept: 1, lost: [] })
  })
})
