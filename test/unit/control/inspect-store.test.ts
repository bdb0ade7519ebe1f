import { closeSync, openSync, truncateSync, writeFileSync, writeSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { holdFile } from '../../../src/control/hold-file.js'
import { inspectStore, type StoreEntry } from '../../../src/control/inspect-store.js'
import { SparseBits } from '../../../src/control/sparse-bits.js'
import { entryOffset, newChunkOf } from '../../support/store-image.js'
import { holds } from '../cli/seeded.js'
import { temporaryFolder } from '../io/temporary-folder.js'

const at = temporaryFolder()
let number = 0

interface Written {
  readonly chunkSectors?: number
  readonly chunks?: number
  readonly header?: Partial<{ magic: number; valid: number; version: number; chunkSectors: number }>
  readonly entries?: readonly (readonly [old: number, newChunk: number | bigint])[]
}

/** A store written by hand. */
function write({ chunkSectors = 8, chunks = 600, header = {}, entries = [] }: Written): string {
  const path = at(`store-${number++}`)
  writeFileSync(path, '')
  truncateSync(path, chunks * chunkSectors * 512)
  const fd = openSync(path, 'r+')
  const first = Buffer.alloc(16)
  first.writeUInt32LE(header.magic ?? 0x70416e53, 0)
  first.writeUInt32LE(header.valid ?? 1, 4)
  first.writeUInt32LE(header.version ?? 1, 8)
  first.writeUInt32LE(header.chunkSectors ?? chunkSectors, 12)
  writeSync(fd, first, 0, 16, 0)
  for (const [index, [old, newChunk]] of entries.entries()) {
    const entry = Buffer.alloc(16)
    entry.writeBigUInt64LE(BigInt(old), 0)
    entry.writeBigUInt64LE(BigInt(newChunk), 8)
    writeSync(fd, entry, 0, 16, entryOffset(index, chunkSectors))
  }
  closeSync(fd)
  return path
}

async function inspect(path: string, originSectors?: number) {
  using inspection = await inspectStore(path, originSectors === undefined ? {} : { originSectors })
  const entries: StoreEntry[] = []
  for await (const entry of inspection.entries()) entries.push(entry)
  return { entries, report: await inspection.report() }
}

const sound = (count: number) => Array.from({ length: count }, (_, index) => [index * 3, newChunkOf(index, 8)] as const)

describe('a sound store', () => {
  it('is read over the end of an area, with the usage that status would print', async () => {
    const { entries, report } = await inspect(write({ entries: sound(300) }), 900 * 8)
    expect(entries).toHaveLength(300)
    expect(entries[257]).toEqual({ entry: 257, oldChunk: 771, newChunk: 260, problem: undefined })
    expect(report).toMatchObject({
      kind: 'store',
      valid: true,
      version: 1,
      chunkSectors: 8,
      cowSectors: 4800,
      entries: 300,
      areas: 2,
      usage: { allocatedSectors: 2424, totalSectors: 4800, metadataSectors: 24 },
      percent: 50.5,
      problemCount: 0,
      problems: [],
    })
  })

  it('without an entry is empty', async () => {
    const { entries, report } = await inspect(write({}))
    expect(entries).toEqual([])
    expect(report).toMatchObject({ usage: { allocatedSectors: 16, metadataSectors: 16 }, percent: 0, problemCount: 0 })
  })

  it('can be asked for its report at once, and its entries come once', async () => {
    using inspection = await inspectStore(write({ entries: sound(5) }))
    expect((await inspection.report()).entries).toBe(5)
    expect((await inspection.report()).entries).toBe(5)
    for await (const _ of inspection.entries()) throw new Error('the list was read twice')
  })
})

describe('a store with problems', () => {
  it('is read to its end, with every bad entry named', async () => {
    const entries = [
      [0, 2],
      [1, 2],
      [0, 3],
      [5, 1],
      [6, 258],
      [7, 600],
      [8, 2n ** 63n],
      [100, 4],
      [9, 5],
    ] as const
    const { entries: found, report } = await inspect(write({ entries }), 100 * 8)
    expect(found.map(({ problem }) => problem)).toEqual([
      undefined,
      'entry 1 points at chunk 2, which another has',
      'entry 2 is a second one for chunk 0',
      'entry 3 points at chunk 1, which holds metadata',
      'entry 4 points at chunk 258, which holds metadata',
      "entry 5 points at chunk 600, past the COW's 600 chunks",
      "entry 6 points at chunk 9223372036854776000, past the COW's 600 chunks",
      "entry 7 is for chunk 100, past the origin's 100 chunks",
      undefined,
    ])
    expect(report).toMatchObject({ entries: 9, problemCount: 7 })
    expect(report.problems).toEqual(found.flatMap(({ problem }) => problem ?? []))
  })

  it('whose origin is not known is checked for all else', async () => {
    const { report } = await inspect(
      write({
        entries: [
          [1e12, 2],
          [1e12, 3],
        ],
      }),
    )
    expect(report.problems).toEqual([`entry 1 is a second one for chunk ${1e12}`])
  })

  it('whose list has no end says so after the last entry', async () => {
    const { report } = await inspect(write({ chunks: 258, entries: sound(256) }))
    expect(report.entries).toBe(256)
    expect(report.problems.at(-1)).toBe('its list has no end: the last area that fits is full')
  })

  it('that was invalidated is still read', async () => {
    const { entries, report } = await inspect(write({ header: { valid: 0 }, entries: sound(3) }))
    expect(entries).toHaveLength(3)
    expect(report).toMatchObject({ valid: false, problems: ['it was invalidated: what the snapshot showed is lost'] })
  })

  it.each([
    [{ magic: 0 }, 'blank', 'it is blank: no store has been made in it yet'],
    [{ magic: 0x1234 }, 'foreign', 'it is no store: it begins with 0x1234'],
    [{ version: 2 }, 'store', 'it is a store of disk version 2; only version 1 is known'],
    [{ chunkSectors: 0 }, 'store', 'its header names a chunk of 0 sectors: Chunk size is not a power of 2'],
    [{ chunkSectors: 24 }, 'store', 'its header names a chunk of 24 sectors: Chunk size is not a power of 2'],
    [{ chunkSectors: 2 ** 30 }, 'store', `its header names a chunk of ${2 ** 30} sectors: Chunk size is too high`],
  ])('with a header %j is not read further', async (header, kind, problem) => {
    const { entries, report } = await inspect(write({ header, entries: sound(3) }))
    expect(entries).toEqual([])
    expect(report).toMatchObject({ kind, problems: [problem], usage: undefined })
  })

  it('with very many of them keeps a hundred texts and counts the rest', async () => {
    const entries = Array.from({ length: 255 }, (_, index) => [index, 1] as const)
    const { report } = await inspect(write({ entries }))
    expect(report.problemCount).toBe(255)
    expect(report.problems).toHaveLength(100)
  })
})

describe('looking at a store', () => {
  it('is refused while somebody writes to it, and by nobody else', async () => {
    const path = write({ entries: sound(2) })
    const held = holdFile(path, 'COW')
    await expect(inspectStore(path)).rejects.toMatchObject({ code: 'DEVICE_BUSY' })
    held.release()
    using one = await inspectStore(path)
    using other = await inspectStore(path)
    expect((await one.report()).entries + (await other.report()).entries).toBe(4)
  })

  it('fails with a code for what cannot be opened', async () => {
    await expect(inspectStore(at('none'))).rejects.toMatchObject({ code: 'DEVICE_MISSING' })
    await expect(inspectStore('/')).rejects.toMatchObject({ code: 'DEVICE_UNSUPPORTED' })
    await expect(inspectStore(write({}), { originSectors: 0.5 })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
  })
})

describe('a set of numbers', () => {
  it('has what was added, and nothing else', async () => {
    const value = fc.oneof(fc.nat(200), fc.nat(2 ** 20), fc.maxSafeNat())
    await holds(
      '../control/inspect-store.test.ts',
      fc.property(fc.array(value), fc.array(value), (added, asked) => {
        const bits = new SparseBits()
        const set = new Set(added)
        for (const one of added) bits.add(one)
        for (const one of [...added, ...asked]) expect(bits.has(one)).toBe(set.has(one))
      }),
    )
  })
})
