/** fio verifies what it has written to the origin, while every snapshot is read and held against its own instant. */
import { createHash } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ImageFolder, mebibyte, pattern } from '../support/nbd/images.js'
import { type Served, serve } from '../support/nbd/served.js'
import { hasTool, mustRun, runTool } from '../support/nbd/tools.js'

const hasNbd = hasTool('fio') && (await runTool('fio', ['--enghelp=nbd'])).out.includes('uri')
const size = 32 * mebibyte
const area = 16 * mebibyte
let served: Served
let scratch: ImageFolder

beforeEach(async () => {
  scratch = new ImageFolder()
  served = await serve({ byteLength: size, snapshots: [{ name: 'first' }], workers: 2 })
})
afterEach(async () => {
  await served.close()
  scratch.remove()
})

const fio = (name: string, ...words: string[]): Promise<string> => {
  const common = [
    '--ioengine=nbd',
    `--uri=${served.uri(name)}`,
    '--name=test',
    '--output-format=terse',
    '--verify_fatal=1',
  ]
  return mustRun('fio', [...common, ...words], { cwd: scratch.path })
}

async function digest(name: string): Promise<string> {
  const client = await served.connect({ name })
  const hash = createHash('sha256')
  for (let at = 0; at < size; at += mebibyte) hash.update(await client.read(at, mebibyte))
  await client.disconnect()
  return hash.digest('hex')
}

describe.skipIf(!hasNbd)('fio (skipped where it, or its engine nbd, is missing)', () => {
  it('verifies the origin, and snapshots keep their instants', { timeout: 60_000 }, async () => {
    const instants = new Map<string, string>()
    const taken = async (name: string): Promise<void> => {
      await served.snapshot(name, { chunkSectors: 8 })
      instants.set(name, await digest(name))
    }
    instants.set(
      'first',
      createHash('sha256')
        .update(pattern(0, size, 1))
        .digest('hex'),
    )
    const verified = ['--rw=randwrite', '--bs=4k', `--size=${area}`, '--iodepth=16', '--verify=crc32c', '--do_verify=1']
    // Phase by phase: when nobody writes, a snapshot is the origin.
    await fio('disk', ...verified, '--randseed=1')
    instants.set('phase', await digest('disk'))
    await served.snapshot('phase')
    // Under load: what a snapshot showed at first is what it shows at last.
    let isOver = false
    const writing = fio(
      'disk',
      ...verified,
      '--randseed=2',
      '--time_based',
      '--runtime=2',
      '--verify_backlog=256',
    ).finally(() => {
      isOver = true
    })
    const looks = (async () => {
      for (let count = 0; count < 4 && !isOver; count++) {
        await taken(`live-${count}`)
        for (const [name, wanted] of instants) expect([name, await digest(name)]).toEqual([name, wanted])
      }
    })()
    await Promise.all([writing, looks])
    expect(instants.size).toBeGreaterThan(2)
    for (const [name, wanted] of instants) expect([name, await digest(name)]).toEqual([name, wanted])
    await served.atRest()
  })

  it('verifies mixed sizes, trims and flushes on a snapshot and an origin at the same time', {
    timeout: 60_000,
  }, async () => {
    const words = [
      '--rw=randrw',
      '--bsrange=512-64k',
      '--bs_unaligned=0',
      `--size=${8 * mebibyte}`,
      '--iodepth=8',
      '--fsync=64',
    ]
    const verified = [...words, '--verify=crc32c', '--do_verify=1', '--number_ios=1000']
    await Promise.all([fio('disk', ...verified, '--randseed=3'), fio('first', ...verified, '--randseed=4')])
    const client = await served.connect({ name: 'first' })
    expect((await client.read(area, area)).equals(pattern(area, area, 1))).toBe(true)
  })

  it('four jobs, each its own area of the origin', { timeout: 60_000 }, async () => {
    const words = ['--rw=randwrite', '--bs=4k', `--size=${4 * mebibyte}`, '--iodepth=8', '--numjobs=4', '--thread']
    await fio(
      'disk',
      ...words,
      `--offset_increment=${4 * mebibyte}`,
      '--verify=crc32c',
      '--do_verify=1',
      '--group_reporting',
    )
    const client = await served.connect({ name: 'first' })
    expect((await client.read(0, area)).equals(pattern(0, area, 1))).toBe(true)
  })
})
