/** Recordings are repeated: the same requests, in the same order, at the speed asked for, on whatever target. */
import { truncateSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { LoadRuns } from '../support/load/load-runs.js'
import { startServer } from '../support/nbd/server-process.js'

const runs = new LoadRuns()
let recorded: Record<number, string[]>

const replay = async (...words: string[]) => {
  const begun = performance.now()
  const { code, err, out } = await runs.run(['replay', ...words])
  return { code, err, out: out.toString(), seconds: (performance.now() - begun) / 1000 }
}

beforeAll(async () => {
  runs.write(
    'jobs.fio',
    '[global]',
    'target=disk',
    'size=1m',
    'rate_iops=200,200',
    'runtime=800ms',
    'time_based',
    '[mixed]',
    'rw=randrw',
    'bsrange=512-8k',
    'fsync=8',
    'numjobs=2',
    '[after]',
    'stonewall',
    'rw=write',
    'runtime=200ms',
  )
  await runs.result(['jobs.fio', '--record', 'trace'])
  recorded = await runs.recorded('trace')
})
afterAll(() => runs.close())

describe('a recording', () => {
  it('has every request of every clone', () => {
    expect(Object.keys(recorded)).toEqual(['0', '1', '2'])
    const kinds = (lane: number) => new Set(recorded[lane]?.map((text) => text[0]))
    expect([kinds(0), kinds(1), kinds(2)]).toEqual([new Set('rws'), new Set('rws'), new Set('w')])
    expect(recorded[0]?.length).toBeGreaterThan(250)
  })

  it.each([
    ['file:again.img', '1'],
    ['cowring:again-engine.img,size=1m,snapshots=1', '4'],
    ['cowring:memory,size=1m,calls=in-place', 'max'],
  ])('is repeated on %s at speed %s', async (target, speed) => {
    const { code, seconds } = await replay('trace', '--target', target, '--speed', speed, '--record', 'again')
    expect(code).toBe(0)
    expect(await runs.recorded('again')).toEqual(recorded)
    if (speed === '1') expect(seconds).toBeGreaterThan(1)
  })

  it('is repeated on a server', async () => {
    const server = await startServer('cowring', 2 ** 20)
    try {
      expect((await replay('trace', '--target', server.uri, '--speed', '4', '--record', 'again')).code).toBe(0)
      expect(await runs.recorded('again')).toEqual(recorded)
    } finally {
      await server.close()
    }
  })

  it('is repeated where it was recorded, as far as it goes, if it was cut off', async () => {
    await runs.run(['replay', 'trace', '--speed', 'max', '--record', 'short'])
    truncateSync(runs.at('short'), 6000)
    const { code, err } = await replay('short', '--speed', 'max', '--record', 'again')
    expect([code, err]).toEqual([0, expect.stringContaining('short was cut off')])
    const again = await runs.recorded('again')
    expect(Object.values(again).flat().length).toBeGreaterThan(0)
    expect(Object.values(again).flat().length).toBeLessThan(Object.values(recorded).flat().length)
  })

  it('does not fit a target that is too small', async () => {
    const { code, err } = await replay('trace', '--target', 'cowring:memory,size=64k')
    expect([code, err]).toEqual([2, expect.stringContaining('but origin has 65536')])
  })

  it('is refused if it is none', async () => {
    const { code, err } = await replay('jobs.fio')
    expect([code, err]).toEqual([2, expect.stringContaining('jobs.fio is no recording of cowring load')])
    expect(await replay('missing')).toMatchObject({ code: 1, err: expect.stringContaining('ENOENT') })
    expect((await replay('trace', '--speed', '0')).code).toBe(2)
  })
})
