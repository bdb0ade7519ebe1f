/** What a run leaves, how it ends, and what it refuses to begin. */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { LoadRuns, requestsOf } from '../support/load/load-runs.js'

let runs: LoadRuns
beforeEach(() => {
  runs = new LoadRuns()
})
afterEach(() => runs.close())

const short = ['--runtime', '200ms', '--time_based']
const digest = (name: string): string =>
  createHash('sha256')
    .update(readFileSync(runs.at(name)))
    .digest('hex')

describe('the outputs', () => {
  it('are all there, and standard output is nothing but JSON', async () => {
    const files = ['--csv', 'run.csv', '--html', 'run.html', '--record', 'run.trace']
    const words = ['--target', 'disk', '--size', '64k', '--rw', 'write', ...files, '--output-format', 'json+']
    const { code, err, out } = await runs.load(...words, '--title', 'a title')
    expect(code).toBe(0)
    const json = JSON.parse(out)
    expect(json.jobs[0].write).toMatchObject({ total_ios: 16, io_bytes: 65_536 })
    expect(Object.keys(json.jobs[0].write.clat_ns.bins).length).toBeGreaterThan(0)
    expect(json.cowring).toMatchObject({ format: 'cowring-load-1', title: 'a title' })
    expect(err).toContain('16 requests answered')
    expect(readFileSync(runs.at('run.csv'), 'utf8').split('\n').length).toBeGreaterThan(2)
    expect(readFileSync(runs.at('run.html'), 'utf8')).toContain('a title')
    expect((await runs.recorded('run.trace'))[0]).toHaveLength(16)
  })

  it('go to a file if that is asked for', async () => {
    const words = ['--target', 'disk', '--size', '64k', '--rw', 'write', '--output', 'result']
    const { code, out } = await runs.load(...words)
    expect([code, out]).toEqual([0, ''])
    expect(readFileSync(runs.at('result'), 'utf8')).toContain('16 requests answered')
    await runs.load(...words, '--output-format', 'json')
    expect(JSON.parse(readFileSync(runs.at('result'), 'utf8')).jobs[0].write.total_ios).toBe(16)
  })

  it('are refused before the run if there is no place for them', async () => {
    for (const option of ['--output', '--csv', '--html', '--record']) {
      const { code, err } = await runs.load('--target', 'disk', '--size', '64k', '--rw', 'write', option, 'no/file')
      expect([code, err]).toEqual([1, expect.stringContaining('ENOENT')])
    }
    expect(runs.names).toEqual([])
  })
})

describe('a job file', () => {
  it('has jobs that wait for others, clones, and one report of a group', async () => {
    runs.write(
      'jobs.fio',
      '[global]',
      'filename=disk ; made for this',
      'size=256k',
      '[fill <&>]',
      'rw=write',
      'bs=64k',
      '[readers]',
      'stonewall',
      'rw=randread',
      'numjobs=3',
      'group_reporting',
      '[beside]',
      'rw=randread',
      'bs=8k',
    )
    const { jobs } = await runs.result(['jobs.fio'])
    expect(jobs.map((job) => [job.name, job.group, job.clones, requestsOf(job)])).toEqual([
      ['fill <&>', 0, 1, 4],
      ['readers', 1, 4, 3 * 64 + 32],
    ])
    expect(jobs[0]?.options).toEqual({ target: 'disk', size: '256k', rw: 'write', bs: '64k' })
  })

  it('is overridden by options, and stands behind a flag that has no value', async () => {
    runs.write('jobs.fio', '[one]', 'filename=disk', 'size=1m', 'rw=write', '[two]', 'filename=disk', 'size=1m')
    const { jobs } = await runs.result(['--rw', 'randread', '--runtime', '200ms', '--time_based', 'jobs.fio'])
    expect(jobs.map(({ directions, name }) => [name, directions.read.requests > 256])).toEqual([
      ['one', true],
      ['two', true],
    ])
    const sized = await runs.result(['jobs.fio', '--runtime', '10', '--time_based=0', '--direct', '0'])
    expect(sized.jobs.map(requestsOf)).toEqual([256, 256])
  })
})

describe('bad usage', () => {
  it.each([
    [['--rw', 'read'], "job 'load' has no target"],
    [['--target', 'disk', '--size', '1m', '--nonsense', '1'], "unknown option '--nonsense'"],
    [['--target', 'disk', '--rw', 'reed'], "--rw: rw cannot be 'reed'; it must be one of read, write"],
    [['--target', 'disk', '--rw', 'read'], 'disk does not exist, and its jobs do not say how large it is to be'],
    [['--target', 'cowring:disk', '--rw', 'read'], 'say how large it is to be: add ,size=1g'],
    [['--target', 'cowring:disk,snap=1'], "'snap' is no setting of it; known are"],
    [['--target', 'disk', '--size', '1m', '--at', '1s snapshot a'], 'events need jobs on one cowring: target'],
    [['--target', 'disk', '--size', '1m', '--at', '1s explode'], "event '1s explode' is none"],
    [['--target', 'disk', '--size', '1k', '--bs', '4k'], 'less than a block of 4096'],
    [['--target', 'disk', '--size', '1m', '--offset', '100'], 'no multiple of 512'],
    [['--target', 'disk', '--size', '1m', '--time_based'], 'is time_based without a runtime'],
    [['--target', 'cowring:memory,size=1m,volume=s0'], "has no volume 's0'; it has origin"],
    [['--target', 'cowring:disk,size=1m', '--size', '2m'], 'reaches to byte 2097152, but'],
  ])('%j', async (words, sentence) => {
    const { code, err, out } = await runs.load(...words)
    expect([code, out]).toEqual([2, ''])
    expect(err).toContain(sentence)
    expect(err.trim().split('\n')).toHaveLength(1)
    expect(runs.names).toEqual([])
  })

  it('is a key that is unknown, and where it stands', async () => {
    runs.write('jobs.fio', '[job]', 'filename=disk', 'size=1m', 'iodpeth=4')
    const { code, err } = await runs.load('jobs.fio')
    expect([code, err]).toEqual([
      2,
      expect.stringContaining("jobs.fio:4: unknown option 'iodpeth'; known are target, rw"),
    ])
    runs.write('jobs.fio', '[job]', 'filename=disk', 'size=1m', 'ioengine=libaio')
    expect((await runs.load('jobs.fio')).err).toContain(
      "jobs.fio:4: ioengine cannot be 'libaio'; it goes by the target",
    )
    expect(runs.names).toEqual(['jobs.fio'])
  })
})

describe('what is there', () => {
  it('is not overwritten without being told so', async () => {
    runs.image('disk')
    const before = digest('disk')
    for (const target of ['disk', 'cowring:disk', 'cowring:disk,snapshots=1,calls=in-place']) {
      for (const rw of ['randwrite', 'randrw', 'trim']) {
        const { code, err } = await runs.load('--target', target, '--rw', rw, '--offset', '64k', ...short)
        expect([code, err]).toEqual([1, expect.stringContaining('has content at byte 65536')])
        expect(err).toContain('--overwrite')
      }
    }
    expect([runs.names, digest('disk')]).toEqual([['disk'], before])
    expect((await runs.load('--target', 'disk', '--rw', 'randread', ...short)).code).toBe(0)
    expect(digest('disk')).toBe(before)
    expect((await runs.load('--target', 'disk', '--rw', 'randwrite', '--overwrite', ...short)).code).toBe(0)
    expect(digest('disk')).not.toBe(before)
  })

  it('stays as it is when a snapshot of it is written to, and merging that is refused', async () => {
    runs.image('disk')
    const before = digest('disk')
    const words = ['--target', 'cowring:disk,snapshots=1,volume=s0', '--rw', 'randwrite', ...short]
    expect((await runs.load(...words)).code).toBe(0)
    expect((await runs.load(...words, '--at', '100ms merge s0')).err).toContain('has content at byte 0')
    expect([runs.names, digest('disk')]).toEqual([['disk'], before])
  })

  it('may be of an earlier run', async () => {
    const words = ['--target', 'disk', '--size', '1m', '--rw', 'randwrite', ...short]
    expect((await runs.load(...words)).code).toBe(0)
    expect((await runs.load(...words)).code).toBe(0)
  })
})

describe('a run that cannot begin', () => {
  it('takes back what it has made', async () => {
    const begun = [
      '[a]',
      'target=file:new',
      'size=1m',
      'rw=randrw',
      '[b]',
      'target=cowring:other,size=1m',
      'rw=read',
      '[c]',
    ]
    runs.write('jobs.fio', ...begun, 'target=missing')
    expect((await runs.load('jobs.fio')).code).toBe(2)
    expect(runs.names).toEqual(['jobs.fio'])
  })

  it('leaves the store of somebody else alone', async () => {
    writeFileSync(runs.at('disk.s1.cow'), 'mine')
    const { code, err } = await runs.load('--target', 'cowring:disk,size=1m,snapshots=2', '--rw', 'randrw', ...short)
    expect([code, err]).toEqual([1, expect.stringContaining('disk.s1.cow is there already')])
    expect(runs.names).toEqual(['disk.s1.cow'])
    expect(readFileSync(runs.at('disk.s1.cow'), 'utf8')).toBe('mine')
  })

  it('has more clones than an engine has room for, and does not hang', async () => {
    const words = ['--target', 'cowring:memory,size=1m,calls=in-place', '--numjobs', '64', '--rw', 'read', ...short]
    const { code, err } = await runs.load(...words)
    expect([code, err]).toEqual([1, expect.stringContaining('threads do requests in place already')])
  })
})

describe('an interrupted run', () => {
  /** Until something has been written to a file that was made sparse. */
  const written = async (name: string): Promise<void> => {
    while (!existsSync(runs.at(name)) || statSync(runs.at(name)).blocks === 0) {
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }

  it('ends early with its results, and what was beside the image is gone', async () => {
    const target = 'cowring:disk,size=1m,snapshots=2'
    const running = runs.start('load', '--target', target, '--rw', 'randwrite', '--runtime', '30', '--time_based')
    await written('disk')
    expect(runs.names).toEqual(['disk', 'disk.cowring', 'disk.s0.cow', 'disk.s1.cow'])
    running.child.kill('SIGINT')
    const { code } = await running.ended
    expect([code, running.err]).toEqual([130, ''])
    expect(running.out.toString()).toMatch(/[\d,]+ requests answered/)
    expect(runs.names).toEqual(['disk'])
  })

  it('leaves no file that is laid out in part', async () => {
    const target = 'cowring:disk,size=16g'
    const running = runs.start('load', '--target', target, '--rw', 'randread', '--runtime', '30', '--time_based')
    await written('disk')
    running.child.kill('SIGINT')
    expect((await running.ended).code).toBe(130)
    expect(runs.names).toEqual([])
  })
})
