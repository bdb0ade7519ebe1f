/**
 * Copy-on-write volumes that lie on each other, written at every level at once: each device keeps its own content, here and
 * after everything was taken down and put up again from its files.
 */
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type DeviceVolume, Engine } from 'cowring'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { random } from '../threads/random.js'

const sectors = 2048
const bytes = sectors * 512
const blockBytes = 2048
const blocks = bytes / blockBytes

let folder: string
let engine: Engine
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cowring-nested-'))
  engine = await Engine.start({ workers: 3, arenaBytes: 2 ** 26 })
})
afterEach(async () => {
  await engine.close()
  rmSync(folder, { recursive: true })
})

function file(name: string, byteLength: number, fill = 0): void {
  const path = join(folder, name)
  writeFileSync(path, fill === 0 ? '' : new Uint8Array(byteLength).fill(fill))
  truncateSync(path, byteLength)
}

const lines: readonly (readonly [name: string, line: string])[] = [
  ['x', `0 ${sectors} linear x.img 0`],
  ['s1', `0 ${sectors} snapshot x cow1 P 8`],
  ['o1', `0 ${sectors} snapshot-origin x`],
  // A snapshot of the snapshot, whose own origin may be written as well.
  ['s2', `0 ${sectors} snapshot s1 cow2 P 16`],
  ['o2', `0 ${sectors} snapshot-origin s1`],
  // A store that lies on a snapshot.
  ['y', `0 8192 linear y.img 0`],
  ['s4', `0 8192 snapshot y cow4 P 4`],
  ['s3', `0 ${sectors} snapshot x s4 P 8`],
  // A third level, over both.
  ['s5', `0 ${sectors} snapshot s2 cow5 N 4`],
  ['o5', `0 ${sectors} snapshot-origin s2`],
]

async function putUp(names: readonly string[]): Promise<void> {
  for (const [name, line] of lines) {
    if (names.includes(name)) await engine.mapper.create(name, line, { folder, durability: 'process-crash' })
  }
}

async function takeDown(): Promise<void> {
  await engine.mapper.removeAll()
  expect(engine.mapper.list()).toEqual([])
}

test.each([1, 2, 3])('every level of a stack keeps its own content under parallel writes, seed %i', async (seed) => {
  const next = random(seed)
  const below = (limit: number) => Math.floor(next() * limit)
  file('x.img', bytes, 7)
  for (const cow of ['cow1', 'cow2', 'cow5']) file(cow, 3 * bytes)
  file('cow4', 16 * 2 ** 20)
  file('y.img', 8192 * 512)
  const written = ['o1', 's3', 'o2', 'o5', 's5']
  await putUp(lines.map(([name]) => name))
  const volumes = new Map<string, DeviceVolume>()
  const content = new Map<string, Uint8Array>()
  for (const name of written) {
    volumes.set(name, await engine.mapper.open(name))
    content.set(name, new Uint8Array(bytes).fill(7))
  }
  const busy = new Set<string>()
  let stamp = 0
  const writer = async (): Promise<void> => {
    for (let step = 0; step < 120; step++) {
      const name = written[below(written.length)] ?? 'o1'
      const block = below(blocks)
      const count = Math.min(blocks - block, 1 + below(4))
      const keys = Array.from({ length: count }, (_, index) => `${name} ${block + index}`)
      if (keys.some((key) => busy.has(key))) continue
      for (const key of keys) busy.add(key)
      const data = new Uint8Array(count * blockBytes).fill(1 + (stamp++ % 250))
      await volumes.get(name)?.write(block * blockBytes, data)
      content.get(name)?.set(data, block * blockBytes)
      for (const key of keys) busy.delete(key)
    }
  }
  await Promise.all(Array.from({ length: 8 }, writer))

  // A snapshot's origin target shows what its origin is: o2 and s1 are one content, o5 and s2 another.
  const expected: readonly (readonly [string, string])[] = [
    ['o1', 'o1'],
    ['x', 'o1'],
    ['s3', 's3'],
    ['o2', 'o2'],
    ['s1', 'o2'],
    ['o5', 'o5'],
    ['s2', 'o5'],
    ['s5', 's5'],
  ]
  const compare = async (only: (name: string) => boolean): Promise<void> => {
    for (const [name, of] of expected.filter(([device]) => only(device))) {
      await using volume = await engine.mapper.open(name)
      const found = Buffer.from(await volume.read(0, bytes))
      const wanted = Buffer.from(content.get(of) ?? [])
      const at = found.findIndex((byte, index) => byte !== wanted[index])
      expect(at < 0 ? '' : `${name} at ${at}: ${found[at]} instead of ${wanted[at]}`).toBe('')
    }
  }
  await compare(() => true)
  for (const volume of volumes.values()) await volume.close()
  await takeDown()
  // s5 is transient and gone.
  await putUp(lines.map(([name]) => name).filter((name) => name !== 's5'))
  await compare((name) => name !== 's5')
})
