/**
 * The eight steps of the 2004 mailing-list text: a snapshot of a device that is being written to all the time, without
 * closing it. Not one write is lost, and the snapshot is the content at the instant of suspension.
 */
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { type DeviceVolume, Engine } from 'cowring'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { random, replayable, seedOfRun } from '../threads/random.js'

const sectors = 32768
const blockBytes = 4096
const blocks = (sectors * 512) / blockBytes
const writers = 24

let folder: string
let engine: Engine
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cowring-eight-'))
  engine = await Engine.start({ workers: 2, arenaBytes: 2 ** 26 })
  for (const name of ['hdc1', 'hdd1', 'hde1']) {
    writeFileSync(join(folder, name), '')
    truncateSync(join(folder, name), 4 * sectors * 512)
  }
})
afterEach(async () => {
  await engine.close()
  rmSync(folder, { recursive: true })
})

/** The number of the last acknowledged write of each block; writers have blocks of their own. */
class Load {
  readonly acknowledged = new Uint32Array(blocks)
  isOver = false
  count = 0
  readonly #ended: Promise<unknown>

  constructor(volume: DeviceVolume, next: () => number) {
    this.#ended = Promise.all(Array.from({ length: writers }, (_, first) => this.#write(volume, first, next)))
  }

  async end(): Promise<void> {
    this.isOver = true
    await this.#ended
  }

  async #write(volume: DeviceVolume, first: number, next: () => number): Promise<void> {
    const own = Math.floor(blocks / writers)
    while (!this.isOver) {
      const block = first + writers * Math.floor(next() * own)
      const stamp = ++this.count
      await volume.write(block * blockBytes, contentOf(stamp))
      this.acknowledged[block] = stamp
    }
  }
}

const contentOf = (stamp: number): Uint8Array => new Uint8Array(new Uint32Array(blockBytes / 4).fill(stamp).buffer)

/** The blocks that do not hold what `stamps` says. */
async function different(name: string, stamps: Uint32Array): Promise<number[]> {
  await using volume = await engine.mapper.open(name)
  const found = new Uint32Array((await volume.read(0, sectors * 512)).buffer)
  const words = blockBytes / 4
  return [...stamps.keys()].filter((block) =>
    found.subarray(block * words, (block + 1) * words).some((word) => word !== stamps[block]),
  )
}

test('the eight steps under constant random writes lose nothing, and the snapshot is the instant of suspension', async () => {
  const seed = seedOfRun()
  await replayable('../mapper/eight-steps.test.ts', seed, async () => {
    const dm = engine.mapper
    await dm.create('my_data', `0 ${sectors} linear hdc1 0`, { folder })
    const volume = await dm.open('my_data')
    const load = new Load(volume, random(seed))
    await sleep(200)

    await dm.suspend('my_data')
    await nextTurn()
    const atSuspension = load.acknowledged.slice()
    const countAtSuspension = load.count
    await dm.create('my_data_org')
    await dm.load('my_data_org', dm.table('my_data'))
    await dm.resume('my_data_org')
    await dm.create('my_data_snap')
    await dm.load('my_data_snap', `0 ${sectors} snapshot /dev/mapper/my_data_org hdd1 p 64`, { folder })
    await dm.load('my_data', `0 ${sectors} snapshot-origin /dev/mapper/my_data_org`)
    await sleep(20)
    // Every writer has one request waiting, and none got through.
    expect(load.acknowledged).toEqual(atSuspension)
    await dm.resume('my_data_snap')
    await dm.resume('my_data')

    await sleep(300)
    // Every writer gets through and on: if one never does, the test's own time runs out here.
    while (load.count <= countAtSuspension + 2 * writers) await sleep(5)
    expect(await different('my_data_snap', atSuspension)).toEqual([])

    // A second one: only the new snapshot is made while the origin holds still.
    await dm.suspend('my_data')
    await nextTurn()
    const second = load.acknowledged.slice()
    await dm.create('snap2', `0 ${sectors} snapshot my_data_org hde1 P 16`, { folder })
    await dm.resume('my_data')
    await sleep(300)
    await load.end()
    expect(await different('my_data_snap', atSuspension)).toEqual([])
    expect(await different('snap2', second)).toEqual([])
    expect(await different('my_data', load.acknowledged)).toEqual([])

    // Taken apart under the volume that is open: the last snapshot gone, the device is what it was.
    await dm.suspend('my_data')
    await dm.remove('my_data_snap')
    await dm.remove('snap2')
    await dm.load('my_data', dm.table('my_data_org'))
    await dm.resume('my_data')
    await dm.remove('my_data_org')
    expect(await different('my_data', load.acknowledged)).toEqual([])
    await volume.close()
  })
})
