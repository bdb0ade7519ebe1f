/** The snapshot-merge target, by tables: what it asks for, whom it takes its store from, when it stops and goes on. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { Merge } from '../../src/control/merge.js'
import { mergesAtRest } from '../support/conformance/merges.js'
import { MapperPlace } from '../support/mapper-place.js'
import { decodeStore } from '../support/store-image.js'

const sectors = 16384

/** An origin full of 5 with a snapshot of it that was written to: 7 in its first chunk, 9 in the origin's whole second MiB. */
async function merging(store = 'P'): Promise<MapperPlace> {
  const place = await MapperPlace.start()
  place.file('disk', sectors, 5)
  place.file('cow', 2 * sectors)
  await place.create('real', `0 ${sectors} linear disk 0`)
  await place.create('base', `0 ${sectors} snapshot-origin real`)
  await place.create('snap', `0 ${sectors} snapshot real cow ${store} 8`)
  await place.write('snap', 0, 8, 7)
  await place.write('base', 2048, 2048, 9)
  return place
}

const line = `0 ${sectors} snapshot-merge real cow P 8`
const allOf = (bytes: Uint8Array, value: number): boolean => bytes.every((byte) => byte === value)

async function load(place: MapperPlace, name: string, table: string, merge?: Merge): Promise<void> {
  await place.mapper.load(name, table, { folder: place.folder, ...(merge === undefined ? {} : { merge }) })
}

/** As LVM2 does it: both are suspended while the exceptions change hands. */
async function handOver(place: MapperPlace, merge?: Merge): Promise<void> {
  await place.mapper.suspend('base')
  await place.mapper.suspend('snap')
  await load(place, 'base', line, merge)
  await place.mapper.resume('base')
}

const pausedMerge = (): Merge => {
  const merge = new Merge()
  void merge.pause()
  return merge
}

describe('what it asks for', () => {
  test('a persistent store', async () => {
    await using place = await merging('N')
    await expect(load(place, 'base', line)).rejects.toThrow('Snapshot exception store does not support snapshot-merge.')
    await place.mapper.remove('snap')
    await expect(load(place, 'base', line.replace(' P ', ' N '))).rejects.toThrow(
      'Snapshot exception store does not support snapshot-merge.',
    )
  })

  test('an origin that nothing is being merged into', async () => {
    await using place = await merging()
    place.file('cow2', sectors)
    await place.create('snap2', `0 ${sectors} snapshot real cow2 P 8`)
    await handOver(place, pausedMerge())
    for (const cow of ['cow', 'cow2', 'cow3']) {
      place.file('cow3', sectors)
      await expect(load(place, 'base', `0 ${sectors} snapshot-merge real ${cow} P 8`)).rejects.toThrow(
        /A snapshot is already merging\.|pairing/,
      )
    }
    expect(place.mapper.table('base')).toBe(`0 ${sectors} snapshot-merge 254:0 240:1 P 8`)
    expect(readFileSync(join(place.folder, 'cow3')).subarray(0, 4)).toEqual(Buffer.alloc(4))
  })

  test("a valid store: with an invalid one all requests are the origin's, and nothing is merged", async () => {
    await using place = await merging()
    await place.mapper.remove('snap')
    const cow = readFileSync(join(place.folder, 'cow'))
    cow.writeUInt32LE(0, 4)
    place.fileOf('cow', cow)
    await load(place, 'base', line)
    await place.mapper.resume('base')
    expect(place.mapper.status('base')).toBe(`0 ${sectors} snapshot-merge Invalid`)
    expect(allOf(await place.read('base', 0, 8), 5)).toBe(true)
    await place.write('base', 0, 8, 6)
    expect(allOf(readFileSync(join(place.folder, 'disk')).subarray(0, 4096), 6)).toBe(true)
    expect(readFileSync(join(place.folder, 'cow')).equals(cow)).toBe(true)
  })
})

describe('an origin that goes on after the merge', () => {
  test('is read and written there by its snapshot-origin', async () => {
    await using place = await merging()
    const merge = pausedMerge()
    await handOver(place, merge)
    place.file('longer', 2 * sectors, 5)
    await load(place, 'real', `0 ${2 * sectors} linear longer 0`)
    await place.mapper.resume('real')
    await place.create('long', `0 ${2 * sectors} snapshot-origin real`)
    await place.write('long', sectors - 8, 16, 3)
    expect(allOf(await place.read('long', sectors - 8, 16), 3)).toBe(true)
    expect(allOf(await place.read('long', sectors + 8, sectors - 8), 5)).toBe(true)
    expect(allOf(await place.read('long', 0, 8), 7)).toBe(true)
    merge.resume()
    expect(await merge.finished).toBe('merged')
  })
})

describe('a sibling that passes discards down', () => {
  test('is refused while another is merged: the merging device shows the origin there', async () => {
    await using place = await merging()
    const merge = pausedMerge()
    await handOver(place, merge)
    place.file('cow2', 2 * sectors)
    const features = '2 discard_zeroes_cow discard_passdown_origin'
    await place.create('sibling', `0 ${sectors} snapshot real cow2 P 8 ${features}`)
    {
      await using sibling = await place.mapper.open('sibling')
      await expect(sibling.discard(8192 * 512, 4096)).rejects.toMatchObject({ code: 'NOT_SUPPORTED' })
    }
    expect(allOf(await place.read('base', 8192, 8), 5)).toBe(true)
    merge.resume()
    expect(await merge.finished).toBe('merged')
  })
})

describe('the handover of the store', () => {
  test('waits until the snapshot is suspended, and that one is Invalid for good', async () => {
    await using place = await merging()
    await load(place, 'base', line)
    await expect(place.mapper.resume('base')).rejects.toThrow('Unable to perform snapshot handover until source')
    expect(place.mapper.table('base')).toBe(`0 ${sectors} snapshot-merge 254:0 240:1 P 0`)
    await place.mapper.suspend('snap')
    await place.mapper.resume('base')
    await mergesAtRest(place.mapper)
    expect(place.mapper.status('base')).toBe(`0 ${sectors} snapshot-merge 16/${2 * sectors} 16`)
    await place.mapper.resume('snap')
    expect(place.mapper.status('snap')).toBe(`0 ${sectors} snapshot Invalid`)
    await expect(place.read('snap', 0, 8)).rejects.toThrow()
    const shown = await place.read('base', 0, sectors)
    expect(allOf(shown.subarray(0, 4096), 7)).toBe(true)
    expect(allOf(shown.subarray(4096), 5)).toBe(true)
    expect(readFileSync(join(place.folder, 'disk')).equals(shown)).toBe(true)
  })

  test('a snapshot that is only loaded has nothing to hand over', async () => {
    await using place = await merging()
    await place.mapper.remove('snap')
    await place.mapper.create('snap')
    await load(place, 'snap', `0 ${sectors} snapshot real cow P 8`)
    await expect(load(place, 'base', line)).rejects.toThrow('pairing for exception table handover failed')
  })

  test('goes back to a snapshot in the middle, which has what is left and takes new exceptions behind it', async () => {
    await using place = await merging()
    const merge = new Merge({ rateLimit: 20 * 4096 * 64 })
    await handOver(place, merge)
    while (merge.current.done === 0) await sleep(5)
    await merge.pause()
    const { done } = merge.current
    expect(done).toBeLessThan(257 * 4096)
    await place.mapper.suspend('base')
    // The snapshot's device has the handed-over instance still; another one takes the store.
    await place.mapper.remove('snap')
    await place.mapper.create('snap')
    await load(place, 'snap', `0 ${sectors} snapshot real cow P 8`)
    await place.mapper.resume('snap')
    await load(place, 'base', `0 ${sectors} snapshot-origin real`)
    await place.mapper.resume('base')
    expect(merge.state).toBe('failed')
    await expect(merge.finished).rejects.toMatchObject({ code: 'DEVICE_CLOSED' })
    const left = 257 - done / 4096
    expect(place.mapper.status('snap')).toBe(statusOf(left))
    await place.write('snap', 8000, 8, 8)
    await place.write('base', 8192, 2048, 4)
    expect(place.mapper.status('snap')).toBe(statusOf(left + 1 + 256))
    await place.mapper.remove('snap')
    const store = decodeStore(readFileSync(join(place.folder, 'cow')))
    expect(store?.exceptions.length).toBe(left + 1 + 256)
    expect(new Set(store?.exceptions.map(({ newChunk }) => newChunk)).size).toBe(left + 1 + 256)
    await place.create('snap', `0 ${sectors} snapshot real cow P 8`)
    const shown = await place.read('snap', 0, sectors)
    expect(allOf(shown.subarray(0, 4096), 7)).toBe(true)
    expect(allOf(shown.subarray(4096, 8000 * 512), 5)).toBe(true)
    expect(allOf(shown.subarray(8000 * 512, 8008 * 512), 8)).toBe(true)
    expect(allOf(shown.subarray(8008 * 512), 5)).toBe(true)
  })
})

const statusOf = (exceptions: number): string => {
  const metadata = 2 + Math.floor(exceptions / 256)
  return `0 ${sectors} snapshot ${(metadata + exceptions) * 8}/${2 * sectors} ${metadata * 8}`
}

describe('stopping and going on', () => {
  test('a suspended device merges nothing; resumed it goes on to the end', async () => {
    await using place = await merging()
    await handOver(place, new Merge({ rateLimit: 20 * 4096 * 64 }))
    while (place.mapper.status('base').includes(' 2080/')) await sleep(5)
    await place.mapper.suspend('base')
    const status = place.mapper.status('base')
    expect(status).not.toBe(`0 ${sectors} snapshot-merge 16/${2 * sectors} 16`)
    const cow = readFileSync(join(place.folder, 'cow'))
    await sleep(150)
    expect(place.mapper.status('base')).toBe(status)
    expect(readFileSync(join(place.folder, 'cow')).equals(cow)).toBe(true)
    await place.mapper.resume('base')
    await mergesAtRest(place.mapper)
    expect(place.mapper.status('base')).toBe(`0 ${sectors} snapshot-merge 16/${2 * sectors} 16`)
  })

  test('a device below that is suspended stops it as well', async () => {
    await using place = await merging()
    await handOver(place, new Merge({ rateLimit: 20 * 4096 * 32 }))
    await place.mapper.suspend('real')
    const status = place.mapper.status('base')
    await sleep(150)
    expect(place.mapper.status('base')).toBe(status)
    await place.mapper.resume('real')
    await mergesAtRest(place.mapper)
  })

  test('a read-only table shows the merged content and merges nothing', async () => {
    await using place = await merging()
    await place.mapper.remove('snap')
    await place.mapper.load('base', line, { folder: place.folder, readOnly: true })
    await place.mapper.resume('base')
    expect(allOf(await place.read('base', 0, 8), 7)).toBe(true)
    expect(allOf(await place.read('base', 2048, 2048), 5)).toBe(true)
    expect(place.mapper.status('base')).toBe(`0 ${sectors} snapshot-merge 2080/${2 * sectors} 24`)
  })

  test('it is done when no sector holds data, tells so, and stays what it is', async () => {
    await using place = await merging()
    await handOver(place)
    await mergesAtRest(place.mapper)
    // The status says so a moment before the event does.
    const told = () => place.events.filter(({ kind }) => kind === 'merged').map(({ device }) => device)
    while (told().length === 0) await sleep(5)
    expect(told()).toEqual(['base'])
    expect(place.mapper.info('base').eventNumber).toBe(0)
    await place.write('base', 0, 8, 3)
    expect(allOf(readFileSync(join(place.folder, 'disk')).subarray(0, 4096), 3)).toBe(true)
    expect(place.mapper.table('base')).toBe(`0 ${sectors} snapshot-merge 254:0 240:1 P 8`)
  })
})

describe('a merge that fails', () => {
  /** The COW's last chunks with data cannot be read. */
  async function failing(): Promise<MapperPlace> {
    const place = await merging()
    await place.mapper.remove('snap')
    const bad = 8 * 200
    const cow = `0 ${bad} linear cow 0\n${bad} 8 error\n${bad + 8} ${2 * sectors - bad - 8} linear cow ${bad + 8}`
    await place.create('cowdev', cow)
    await load(place, 'base', line.replace('cow', 'cowdev'))
    await place.mapper.resume('base')
    while (place.mapper.status('base') !== `0 ${sectors} snapshot-merge Merge failed`) await sleep(5)
    return place
  }

  test('says so, shows what it showed, and has merged what lies behind the fault', async () => {
    await using place = await failing()
    const failure = place.events.find(({ kind }) => kind === 'merge-failed')
    expect(failure).toMatchObject({
      device: 'base',
      reason: expect.stringContaining('Read error: shutting down merge'),
    })
    expect(place.mapper.info('base').eventNumber).toBe(0)
    expect(allOf(await place.read('base', 0, 8), 7)).toBe(true)
    await place.write('base', 0, 8, 2)
    expect(allOf(await place.read('base', 0, 8), 2)).toBe(true)
    expect(decodeStore(readFileSync(join(place.folder, 'cow')))?.exceptions.length).toBe(199)
  })

  test('hands its store to nobody, neither to one that waited for it before it failed', async () => {
    await using place = await merging()
    await place.create('cowdev', `0 ${2 * sectors} linear cow 0`)
    await place.mapper.remove('snap')
    const merge = pausedMerge()
    await load(place, 'base', line.replace('cow', 'cowdev'), merge)
    await place.mapper.resume('base')
    await place.mapper.create('snap')
    await load(place, 'snap', `0 ${sectors} snapshot real cowdev P 8`)
    await load(place, 'cowdev', `0 ${2 * sectors} flakey cow 0 0 1000 1 error_writes`)
    await place.mapper.resume('cowdev')
    merge.resume()
    await expect(merge.finished).rejects.toThrow('Write error in exception store')
    await load(place, 'cowdev', `0 ${2 * sectors} linear cow 0`)
    await place.mapper.resume('cowdev')
    await place.mapper.suspend('base')
    await expect(place.mapper.resume('snap')).rejects.toThrow('Write error in exception store')
    await load(place, 'base', `0 ${sectors} error`)
    await place.mapper.resume('base')
    expect(place.mapper.status('snap')).toBe(`0 ${sectors} snapshot Invalid`)
    await place.mapper.remove('snap')
    await place.create('snap', `0 ${sectors} snapshot real cowdev P 8`)
    expect(allOf(await place.read('snap', 0, 8), 7)).toBe(true)
  })

  test('does not go on by itself, nor in another table that takes the store over: it needs a fresh load', async () => {
    await using place = await failing()
    await place.mapper.suspend('base')
    await place.mapper.resume('base')
    await sleep(50)
    expect(place.mapper.status('base')).toBe(`0 ${sectors} snapshot-merge Merge failed`)
    await place.mapper.suspend('base')
    await expect(load(place, 'base', `0 ${sectors} snapshot real cowdev P 8`)).rejects.toThrow('Read error')
    await load(place, 'base', `0 ${sectors} error`)
    await place.mapper.resume('base')
    await load(place, 'cowdev', `0 ${2 * sectors} linear cow 0`)
    await place.mapper.resume('cowdev')
    await load(place, 'base', line.replace('cow', 'cowdev'))
    await place.mapper.resume('base')
    await mergesAtRest(place.mapper)
    expect(place.mapper.status('base')).toBe(`0 ${sectors} snapshot-merge 16/${2 * sectors} 16`)
    expect(allOf(await place.read('base', 8, sectors - 8), 5)).toBe(true)
  })
})
