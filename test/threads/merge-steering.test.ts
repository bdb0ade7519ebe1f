/** A merge that is steered in the same moments in which it begins, goes on or ends: nothing of the snapshot may get lost. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Engine, type Origin, type Snapshot } from 'cowring'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'

const chunkBytes = 4096
const chunks = 16
const size = chunks * chunkBytes
/** One chunk in a long while. */
const slow = { rateLimit: 2 ** 16 }

let folder: string
let engine: Engine
beforeAll(async () => {
  engine = await Engine.start({ workers: 2, arenaBytes: 2 ** 25 })
})
afterAll(() => engine.close())
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cowring-merge-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const imagePath = () => join(folder, 'disk.img')

/** An origin of zeroes, and a snapshot of it that is all ones. */
async function rolled(name = 'ones'): Promise<{ origin: Origin; snapshot: Snapshot }> {
  writeFileSync(imagePath(), new Uint8Array(size))
  const origin = await engine.open(imagePath())
  const cow = join(folder, `${name}.cow`)
  const snapshot = await origin.snapshot({ cow, name, chunkSectors: 8, durability: 'process-crash' })
  await snapshot.write(0, new Uint8Array(size).fill(1))
  return { origin, snapshot }
}

const isAllOnes = async (origin: Origin) => (await origin.read(0, size)).every((byte) => byte === 1)

test('resumed and paused again in one moment, a merge does not take what is left for merged', async () => {
  const { origin, snapshot } = await rolled()
  const merge = snapshot.merge(slow)
  await merge.pause()
  await sleep(20)
  merge.resume()
  await merge.pause()
  await sleep(20)
  expect(merge.state).toBe('paused')
  expect(snapshot.usage().exceptions).toBeGreaterThan(0)
  merge.limits = {}
  merge.resume()
  expect(await merge.finished).toBe('merged')
  expect(await isAllOnes(origin)).toBe(true)
  await origin.close()
})

test('an origin that is closed while its merge ends is closed, and everything is merged or goes on', async () => {
  for (let round = 0; round < 20; round++) {
    const { origin, snapshot } = await rolled(`ones-${round}`)
    const merge = snapshot.merge()
    const { done, total } = merge.current
    while (merge.state === 'running' && (total === 0 || done < total) && snapshot.usage().exceptions > 0) await sleep(0)
    for (let turn = 0; turn < round; turn++) await Promise.resolve()
    await origin.close()
    expect(origin.closed).toBe(true)
    await expect(merge.finished.catch((error) => error.code)).resolves.toMatch(/^(merged|DEVICE_CLOSED)$/)
    const again = await engine.open(imagePath())
    expect(await isAllOnes(again)).toBe(true)
    await again.snapshots[0]?.merging?.finished
    await again.close()
  }
})

test('paused or cancelled while its last step goes on, a merge says that it is merged when that has ended', async () => {
  for (let round = 0; round < 20; round++) {
    const { origin, snapshot } = await rolled(`ones-${round}`)
    const merge = snapshot.merge()
    while (merge.state === 'running' && snapshot.status() !== 'merged') await sleep(0)
    await (round % 2 === 0 ? merge.pause() : merge.cancel())
    expect([merge.state, await merge.finished]).toEqual(['merged', 'merged'])
    await origin.close()
  }
})

test('cancelled before it could begin, a merge does not go on by itself when the origin is opened again', async () => {
  const { origin, snapshot } = await rolled()
  const taking = origin.snapshot({ cow: join(folder, 'other.cow'), chunkSectors: 8, durability: 'process-crash' })
  await sleep(0)
  const merge = snapshot.merge(slow)
  await Promise.all([taking, merge.cancel()])
  expect(await merge.finished).toBe('cancelled')
  expect(await isAllOnes(origin)).toBe(true)
  await origin.close()
  const again = await engine.open(imagePath())
  expect(again.snapshots.map(({ merging }) => merging?.state)).toEqual(['cancelled', undefined])
  expect(await isAllOnes(again)).toBe(true)
  await again.close()
})

test('the merge of an origin that was opened to be read ends with it', async () => {
  const { origin, snapshot } = await rolled()
  await snapshot.merge(slow).pause()
  await origin.close()
  const looking = await engine.open(imagePath(), { readOnly: true })
  const merge = looking.snapshots[0]?.merging
  expect(await isAllOnes(looking)).toBe(true)
  await looking.close()
  await expect(merge?.finished).rejects.toMatchObject({ code: 'DEVICE_CLOSED' })
})
