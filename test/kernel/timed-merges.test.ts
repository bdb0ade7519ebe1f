/**
 * Recordings of merges that were slowed down, suspended or cut off by a reset. What happened in the middle of them is an
 * example; how they end is exact. And what the kernel left half-done has to be gone on with here.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { engineSystem } from '../support/conformance/engine-system.js'
import { mergesAtRest } from '../support/conformance/merges.js'
import { replay } from '../support/conformance/replay.js'
import { md5 } from '../support/digest.js'
import { MapperPlace } from '../support/mapper-place.js'
import { decodeRuns } from '../support/pattern.js'
import { type Recorded, type RunsRecord, readRecording } from '../support/recording.js'
import { recordingsFolder } from './recordings-folder.js'

const folder = join(recordingsFolder, 'timed')
const recording = (name: string): readonly Recorded[] => readRecording(join(folder, `${name}.jsonl.gz`))
const image = (file: string): Uint8Array => gunzipSync(readFileSync(join(folder, file)))

/** Without the target that slowed the kernel's merge down, which is not here. */
const atFullSpeed = (record: Recorded): Recorded =>
  record.t === 'dm' ? { ...record, cmd: record.cmd.replace(/delay (\S+) 0 0 \S+ 0 \d+/, 'linear $1 0') } : record

describe('requests while a merge runs come to what they came to in the kernel', () => {
  test.each(['d_merge_slow_P_16', 'd_merge_io_P_16'])('%s', async (name) => {
    const { close, dmsetup, layer } = await engineSystem()
    const records = recording(name).map(atFullSpeed)
    // The table of the slow device is ours, and is not compared.
    const compared = records.filter((record) => !(record.t === 'dm' && / (table|status)$/.test(record.cmd)))
    const { differences } = await replay(compared, { layer, dmsetup, images: folder, known: [] })
    await close()
    expect(differences).toEqual([])
  })
})

/** What the merging snapshot holds: each recording says it once before anything else is written. */
const contentOf = (name: string): RunsRecord => recording(name).find((record) => record.t === 'runs') as RunsRecord

describe('a merge that the kernel left half-done', () => {
  const cases = [
    {
      name: 'd2_merge_kill_P_16',
      origin: 'd2_merge_kill_P_16.partial.origin.cow.gz',
      cow: 'd2_merge_kill_P_16.partial.cow.gz',
      status: '608/8192 32',
      after: '831223d0bd23c88774890f3a916c6fc0',
    },
    {
      name: 'd_merge_suspend_P_16',
      origin: 'd_merge_suspend_P_16.partial1.origin.gz',
      cow: 'd_merge_suspend_P_16.partial1.cow.gz',
      status: '240/8192 32',
      after: '4d5d186f4c4537010d275ea61ab61e8d',
    },
  ]

  async function devices({ cow, origin }: (typeof cases)[number]): Promise<MapperPlace> {
    const place = await MapperPlace.start()
    place.fileOf('origin', image(origin))
    place.fileOf('cow', image(cow))
    return place
  }

  test.each(cases)('shows as a plain snapshot what it will come to: $name', async (half) => {
    await using place = await devices(half)
    await place.create('snap', '0 16384 snapshot origin cow P 16')
    expect(place.mapper.status('snap')).toBe(`0 16384 snapshot ${half.status}`)
    expect(decodeRuns(await place.read('snap', 0, 16384))).toEqual(contentOf(half.name).runs)
  })

  test.each(cases)('goes on to the content and the COW that the kernel came to: $name', async (half) => {
    await using place = await devices(half)
    await place.create('base', '0 16384 snapshot-merge origin cow P 16')
    await mergesAtRest(place.mapper)
    expect(place.mapper.status('base')).toBe('0 16384 snapshot-merge 32/8192 32')
    expect(decodeRuns(await place.read('base', 0, 16384))).toEqual(contentOf(half.name).runs)
    expect(md5(readFileSync(join(place.folder, 'cow')))).toBe(half.after)
  })
})
