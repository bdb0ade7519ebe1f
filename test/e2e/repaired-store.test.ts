/** A store that the engine refuses, repaired, in the engine again: what the snapshot shows, and how it goes on. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs'

import { Engine, inspectStore, repairStore, storeDelta } from 'cowring'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../unit/io/temporary-folder.js'

const at = temporaryFolder()
const chunk = 4096
const chunks = 600
const image = Buffer.alloc(chunks * chunk)
for (let at = 0; at < chunks; at++) image.fill(at % 251, at * chunk, (at + 1) * chunk)

/** An image with a snapshot, 300 of whose chunks have been overwritten: more than an area holds. */
async function prepared(name: string): Promise<{ disk: string; cow: string }> {
  const [disk, cow] = [at(`${name}.img`), at(`${name}.cow`)]
  writeFileSync(disk, image)
  const engine = await Engine.start({ workers: 1 })
  const origin = await engine.open(disk)
  await origin.snapshot({ cow, chunkSectors: 8, name: 'snap', durability: 'process-crash' })
  for (let index = 0; index < 300; index++) await origin.write(((index * 7) % chunks) * chunk, Buffer.alloc(chunk, 255))
  await engine.close()
  return { disk, cow }
}

/** Lets an entry of the list say something else. */
function changeEntry(path: string, entry: number, field: 0 | 8, value: number): void {
  const bytes = readFileSync(path)
  bytes.writeBigUInt64LE(BigInt(value), (1 + 257 * Math.floor(entry / 256)) * chunk + (entry % 256) * 16 + field)
  writeFileSync(path, bytes)
}

async function shown(disk: string, then?: (volume: { origin: Uint8Array; snapshot: Uint8Array }) => void) {
  const engine = await Engine.start({ workers: 1 })
  try {
    const origin = await engine.open(disk)
    const [snapshot] = origin.snapshots
    if (snapshot === undefined) throw new Error('the snapshot is remembered')
    const volumes = {
      origin: await origin.read(0, image.byteLength),
      snapshot: await snapshot.read(0, image.byteLength),
    }
    then?.(volumes)
    // It goes on as any other: 600 chunks have a place in it.
    for (let index = 0; index < chunks; index++) await origin.write(index * chunk, Buffer.alloc(chunk, 254))
    expect(Buffer.from(await snapshot.read(0, image.byteLength)).equals(volumes.snapshot)).toBe(true)
    return volumes
  } finally {
    await engine.close()
  }
}

test('a repaired store of a sound one shows the same', async () => {
  const { disk, cow } = await prepared('sound')
  const report = await repairStore(cow, at('sound-new.cow'), { origin: disk })
  expect(report).toMatchObject({ entries: 300, kept: 300, dropped: [], lost: [], notes: [] })
  renameSync(at('sound-new.cow'), cow)
  const { snapshot } = await shown(disk)
  expect(Buffer.from(snapshot).equals(image)).toBe(true)
  using inspection = await inspectStore(cow)
  expect(await inspection.report()).toMatchObject({ entries: 600, problems: [], remarks: [] })
})

test('a repaired store of a damaged one shows the old image but where its report says', async () => {
  const { disk, cow } = await prepared('damaged')
  // Entry i is for chunk 7i modulo 600. Two for one chunk; one past the end; two at one place.
  changeEntry(cow, 10, 0, 7 * 20)
  changeEntry(cow, 100, 8, 2 ** 40)
  changeEntry(cow, 280, 8, 2 + 5)
  const engine = await Engine.start({ workers: 1 })
  await expect(engine.open(disk)).rejects.toThrow()
  await engine.close()
  const report = await repairStore(cow, at('damaged-new.cow'), { origin: disk })
  expect(report.dropped.map(({ entry }) => entry)).toEqual([5, 10, 20, 100, 280])
  const named = [5, 20, 100, 280].map((entry) => (entry * 7) % chunks).sort((a, b) => a - b)
  expect(report.lost).toEqual(named.map((old) => ({ offset: old * chunk, length: chunk })))
  expect(report.notes).toEqual([expect.stringContaining('an entry that was left out was perhaps for another chunk')])
  renameSync(at('damaged-new.cow'), cow)
  await shown(disk, ({ origin, snapshot }) => {
    const expected = Buffer.from(image)
    for (const { offset, length } of report.lost) Buffer.from(origin).copy(expected, offset, offset, offset + length)
    // Of entry 10 nothing but its place is left: which chunk of the origin it was for is what was damaged.
    expected.fill(255, 70 * chunk, 71 * chunk)
    expect(Buffer.from(snapshot).equals(expected)).toBe(true)
  })
})

test('what delta lists between a snapshot and its origin is where their volumes differ', async () => {
  const { disk, cow } = await prepared('delta')
  const differing = new Set<number>()
  for await (const { offset, length, kind } of storeDelta(cow, { origin: disk })) {
    expect(kind).toBe('differs')
    for (let sector = offset / 512; sector < (offset + length) / 512; sector++) differing.add(sector)
  }
  const volumes = await shown(disk)
  for (let sector = 0; sector < image.byteLength / 512; sector++) {
    const [from, to] = [sector * 512, (sector + 1) * 512]
    const isSame = Buffer.from(volumes.origin.subarray(from, to)).equals(volumes.snapshot.subarray(from, to))
    if (isSame === differing.has(sector)) throw new Error(`sector ${sector}`)
  }
  expect(differing.size).toBe(300 * 8)
})
