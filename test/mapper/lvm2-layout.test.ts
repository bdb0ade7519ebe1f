/**
 * The devices that LVM2 makes for a first and a second snapshot, by hand, with the numbers of the kernel's documentation of
 * device-mapper snapshots: a volume of 1 GiB and a COW of 100 MiB on one disk.
 */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openFilesIn } from '../support/mapper-dump.js'
import { MapperPlace } from '../support/mapper-place.js'

const sectors = 2097152
const cowSectors = 204800
const prefix = 'volumeGroup-'

let place: MapperPlace
beforeEach(async () => {
  place = await MapperPlace.start()
  place.file('disk', 384 + sectors + 2 * cowSectors)
})
afterEach(() => place[Symbol.asyncDispose]())

const mapper = () => place.mapper
const load = (name: string, table: string) => mapper().load(prefix + name, table, { folder: place.folder })
const create = (name: string, minor: number, table?: string) =>
  mapper().create(prefix + name, table, { folder: place.folder, minor })
const resume = (name: string) => mapper().resume(prefix + name)
const remove = (name: string) => mapper().remove(prefix + name)

/** `dmsetup table`, with the disk's number as it is in the documentation. */
function tables(): Record<string, string> {
  const disk = mapper().deps(`${prefix}base-real`)[0]
  const text = (name: string) => mapper().table(name).replaceAll(`${disk?.major}:${disk?.minor}`, '8:19')
  return Object.fromEntries(
    mapper()
      .list()
      .map(({ name }) => [name, text(name)]),
  )
}

const openCounts = () =>
  Object.fromEntries(
    mapper()
      .list()
      .map(({ name, openCount }) => [name.slice(prefix.length), openCount]),
  )

/** Everything is loaded first; then the origin is stopped, and those below it are resumed before it. */
async function takeFirst(): Promise<void> {
  await create('base-real', 11)
  await load('base-real', `0 ${sectors} linear disk 384`)
  await create('snap-cow', 12, `0 ${cowSectors} linear disk ${384 + sectors}`)
  await create('snap', 13)
  await mapper().suspend(`${prefix}base`)
  await resume('base-real')
  await load('snap', `0 ${sectors} snapshot 254:11 254:12 P 16`)
  await load('base', `0 ${sectors} snapshot-origin 254:11`)
  await resume('snap')
  await resume('base')
}

async function takeSecond(): Promise<void> {
  await create('snap2-cow', 14, `0 ${cowSectors} linear disk ${384 + sectors + cowSectors}`)
  await create('snap2', 15)
  await load('snap2', `0 ${sectors} snapshot 254:11 254:14 P 16`)
  await mapper().suspend(`${prefix}base`)
  await resume('snap2')
  await resume('base')
}

const byteAt = async (name: string) => (await place.read(prefix + name, 100, 1))[0]

test('a first and a second snapshot have the tables, numbers and open counts that LVM2 leaves behind', async () => {
  await create('base', 10, `0 ${sectors} linear disk 384`)
  const base = await mapper().open(`${prefix}base`)
  const write = (byte: number) => base.write(100 * 512, new Uint8Array(512).fill(byte))
  await write(1)
  await takeFirst()
  expect(tables()).toEqual({
    'volumeGroup-base': '0 2097152 snapshot-origin 254:11',
    'volumeGroup-base-real': '0 2097152 linear 8:19 384',
    'volumeGroup-snap': '0 2097152 snapshot 254:11 254:12 P 16',
    'volumeGroup-snap-cow': '0 204800 linear 8:19 2097536',
  })
  expect(openCounts()).toEqual({ base: 1, 'base-real': 2, snap: 0, 'snap-cow': 1 })
  await write(2)
  expect(mapper().status(`${prefix}snap`)).toBe('0 2097152 snapshot 48/204800 32')
  expect(mapper().status(`${prefix}base`)).toBe('0 2097152 snapshot-origin ')
  await takeSecond()
  await write(3)
  expect(openCounts()).toEqual({ base: 1, 'base-real': 3, snap: 0, 'snap-cow': 1, snap2: 0, 'snap2-cow': 1 })
  expect(mapper().status(`${prefix}snap`)).toBe('0 2097152 snapshot 48/204800 32')
  expect(mapper().status(`${prefix}snap2`)).toBe('0 2097152 snapshot 48/204800 32')
  expect([await byteAt('snap'), await byteAt('snap2'), await byteAt('base')]).toEqual([1, 2, 3])
  await base.close()
  expect(openCounts().base).toBe(0)
})

test('what is used cannot be removed; in the right order everything goes, and the volume is as plain as before', async () => {
  await create('base', 10, `0 ${sectors} linear disk 384`)
  await takeFirst()
  await takeSecond()
  const base = await mapper().open(`${prefix}base`)
  await base.write(100 * 512, new Uint8Array(512).fill(9))
  for (const name of ['base-real', 'snap-cow', 'snap2-cow']) {
    await expect(remove(name)).rejects.toMatchObject({ code: 'DEVICE_BUSY', facts: { errno: 16, ioctl: 'remove' } })
  }
  await mapper().suspend(`${prefix}base`)
  await remove('snap')
  await resume('base')
  await expect(remove('base-real')).rejects.toMatchObject({ code: 'DEVICE_BUSY' })
  await remove('snap-cow')
  expect(openCounts()).toEqual({ base: 1, 'base-real': 2, snap2: 0, 'snap2-cow': 1 })
  // The last: the origin gets its plain mapping back.
  await mapper().suspend(`${prefix}base`)
  await load('base', `0 ${sectors} linear disk 384`)
  await remove('snap2')
  await resume('base')
  await remove('snap2-cow')
  await remove('base-real')
  expect(mapper().list()).toHaveLength(1)
  expect(mapper().info(`${prefix}base`)).toMatchObject({ minor: 10, openCount: 1, eventNumber: 0, sectors })
  expect(await byteAt('base')).toBe(9)
  await base.close()
  await remove('base')
  expect(openFilesIn(place.folder)).toBe(0)
})

test('a snapshot can be loaded before what it lies on has come to life, as LVM2 preloads them', async () => {
  await create('base', 10, `0 ${sectors} linear disk 384`)
  await place.write(`${prefix}base`, 100, 1, 1)
  await create('base-real', 11)
  await load('base-real', `0 ${sectors} linear disk 384`)
  await create('snap-cow', 12, `0 ${cowSectors} linear disk ${384 + sectors}`)
  await create('snap', 13)
  await load('snap', `0 ${sectors} snapshot 254:11 254:12 P 16`)
  await load('base', `0 ${sectors} snapshot-origin 254:11`)
  await mapper().suspend(`${prefix}base`)
  for (const name of ['base-real', 'snap', 'base']) await resume(name)
  await place.write(`${prefix}base`, 100, 1, 2)
  expect([await byteAt('snap'), await byteAt('base')]).toEqual([1, 2])
  expect(mapper().status(`${prefix}snap`)).toBe('0 2097152 snapshot 48/204800 32')
})
