/**
 * The reference's scenarios in words, through the public API. Those that need a stop in the middle of a request (a read
 * overtaken by a write, a crash between copy and entry) are in test/rules: `P2` and `W1`, `W3`.
 */
import { type CowringError, Engine, type Origin } from 'cowring'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

const sector = 512
const originSectors = 2048

describe('scenarios', () => {
  let engine: Engine
  let origin: Origin
  beforeEach(async () => {
    engine = await Engine.start({ workers: 2 })
    origin = await engine.open({ memory: filled(originSectors, 1) })
  })
  afterEach(() => engine.close())

  test('1: one write over pieces of two chunk sizes saves exactly the chunks it touches, in each', async () => {
    const a = await origin.snapshot({ cow: blank(1024), chunkSectors: 16, name: 'a' })
    const b = await origin.snapshot({ cow: blank(1024), chunkSectors: 8, name: 'b' })
    await origin.write(4 * sector, filled(24, 2))
    expect([a.status(), b.status()]).toEqual(['64/1024 32', '48/1024 16'])
    for (const snapshot of [a, b]) expect(await snapshot.read(0, 64 * sector)).toEqual(filled(64, 1))
  })

  test('2: the second origin write to a chunk makes no exception', async () => {
    const snapshot = await origin.snapshot({ cow: blank(1024), chunkSectors: 16 })
    await origin.write(0, filled(1, 2))
    await origin.write(3 * sector, filled(1, 3))
    expect(snapshot.status()).toBe('48/1024 32')
    expect(engine.statistics().counters.copiedChunks).toBe(1)
  })

  test('3: a whole-chunk write to the snapshot reads nothing of the origin and copies nothing from it', async () => {
    const cow = blank(1024)
    const snapshot = await origin.snapshot({ cow, chunkSectors: 16 })
    await snapshot.write(16 * sector, filled(16, 5))
    expect(snapshot.status()).toBe('48/1024 32')
    expect(cow.memory.subarray(32 * sector, 48 * sector)).toEqual(filled(16, 5))
    expect(await origin.read(16 * sector, 16 * sector)).toEqual(filled(16, 1))
  })

  test('5: a full P store makes the snapshot Invalid and lets the origin write go on', async () => {
    const cow = blank(3 * 16)
    const snapshot = await origin.snapshot({ cow, chunkSectors: 16 })
    await origin.write(0, filled(16, 2))
    expect(snapshot.status()).toBe('48/48 32')
    await origin.write(16 * sector, filled(16, 3))
    expect(snapshot.status()).toBe('Invalid')
    expect(cow.memory[4]).toBe(0)
    expect(await origin.read(16 * sector, 16 * sector)).toEqual(filled(16, 3))
    await expect(snapshot.read(0, sector)).rejects.toMatchObject({ code: 'SNAPSHOT_INVALID' })
  })

  test('6: a full PO store overflows at a write of the snapshot, stays readable, and is not Overflow when reloaded', async () => {
    const cow = blank(3 * 16)
    const snapshot = await origin.snapshot({ cow, chunkSectors: 16, store: 'PO' })
    await origin.write(0, filled(16, 2))
    const refused = await snapshot.write(16 * sector, filled(16, 3)).catch((error: CowringError) => error.code)
    expect([refused, snapshot.status(), cow.memory[4]]).toEqual(['SNAPSHOT_OVERFLOW', 'Overflow', 1])
    expect(await snapshot.read(0, 32 * sector)).toEqual(filled(32, 1))
    await snapshot.remove({ keepStore: true })
    const again = await origin.snapshot({ cow, store: 'PO' })
    expect(again.status()).toBe('48/48 32')
  })
})

function filled(sectors: number, byte: number): Uint8Array {
  return new Uint8Array(new SharedArrayBuffer(sectors * sector)).fill(byte)
}

const blank = (sectors: number) => ({ memory: filled(sectors, 0) })
