/**
 * Whatever a mapper is told, it answers in its own words; and what it refuses leaves nothing behind, neither in what it says
 * about its devices nor in open files.
 */
import { CowringError, type Mapper } from 'cowring'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { dump, openFilesIn, withoutInactive } from '../support/mapper-dump.js'
import { anyInput, type Input } from '../support/mapper-inputs.js'
import { MapperPlace } from '../support/mapper-place.js'
import { holdsInTime } from '../support/seeded.js'

let place: MapperPlace
beforeAll(async () => {
  place = await MapperPlace.start()
})
afterAll(() => place[Symbol.asyncDispose]())

/** A few devices in several states, with files that they lie on and some that nobody uses. */
async function setUp(): Promise<void> {
  const { folder, mapper } = place
  for (const name of ['disk', 'file', 'cow', 'spare']) place.file(name, 128)
  await mapper.create('lin', '0 64 linear disk 0', { folder, uuid: 'U-lin' })
  await mapper.create('str', '0 64 striped 2 8 disk 64 disk 96', { folder })
  await mapper.create('base', '0 64 snapshot-origin lin')
  await mapper.create('snap', '0 64 snapshot lin str P 8')
  await mapper.create('idle')
  await mapper.create('susp', '0 8 zero')
  await mapper.suspend('susp')
  await mapper.create('ro', '0 8 linear disk 0', { folder, readOnly: true })
  await mapper.load('str', '0 64 striped 2 8 disk 64 disk 96', { folder })
}

async function takeDown(mapper: Mapper): Promise<void> {
  await mapper.removeAll({ force: true })
  expect(mapper.list()).toEqual([])
  expect(openFilesIn(place.folder)).toBe(0)
}

async function ours(action: () => Promise<unknown>): Promise<boolean> {
  try {
    await action()
    return true
  } catch (error) {
    if (error instanceof CowringError) return false
    throw error
  }
}

/** What was accepted can be resumed, read and written, or says why not. */
async function use(mapper: Mapper): Promise<void> {
  // First all of them: requests wait for what is suspended below.
  for (const { name } of mapper.list()) {
    await ours(() => mapper.resume(name))
    if (mapper.info(name).suspended) await ours(() => mapper.remove(name, { force: true }))
  }
  for (const { name } of mapper.list()) {
    await using volume = await mapper.open(name)
    const last = Math.max(0, volume.sizeBytes - 512)
    const each = [volume.read(0, 512), volume.read(last, 512), volume.write(last, new Uint8Array(512)), volume.flush()]
    await Promise.all(each.map((request) => ours(() => request)))
  }
}

async function tell(mapper: Mapper, { act, loads }: Input): Promise<void> {
  const said = () =>
    loads === undefined || !mapper.list().some(({ name }) => name === loads)
      ? dump(mapper)
      : withoutInactive(mapper, loads)
  const before = said()
  const files = openFilesIn(place.folder)
  if (await ours(() => act(mapper))) {
    await use(mapper)
    await takeDown(mapper)
    await setUp()
    return
  }
  expect(said()).toEqual(before)
  if (loads === undefined) expect(openFilesIn(place.folder)).toBe(files)
  else expect(openFilesIn(place.folder)).toBeLessThanOrEqual(files)
}

test('what is refused is refused in our words and changes nothing; what is accepted can be used', async () => {
  await setUp()
  const limits = { runs: 1500, seconds: 10 }
  await holdsInTime('test/mapper/fuzz.test.ts', anyInput(place.folder), (input) => tell(place.mapper, input), limits)
  await takeDown(place.mapper)
})
