/** Load on each kind of target, by the built command line. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { afterAll, describe, expect, it } from 'vitest'
import { LoadRuns, requestsOf } from '../support/load/load-runs.js'
import { type ServerKind, serverKinds, startServer } from '../support/nbd/server-process.js'
import { hasTool } from '../support/nbd/tools.js'

const runs = new LoadRuns()
afterAll(() => runs.close())

const short = ['--runtime', '300ms', '--time_based']
const mixed = ['--rw', 'randrw', '--bs', '4k', '--iodepth', '4', '--fsync', '16', ...short]

describe('a target of its own', () => {
  it.each([
    ['file:one.img', ['--size', '1m'], 1],
    ['two.img', ['--size', '1m', '--rw', 'write'], 1],
    ['cowring:three.img,size=1m', [], 4],
    ['cowring:four.img,size=1m,calls=in-place,workers=1', [], 1],
    ['cowring:memory,size=1m,snapshots=2', [], 4],
    ['cowring:five.img,size=1m,snapshots=2,chunk=16,store=PO,durability=process-crash,cow=.', [], 4],
    ['cowring:six.img,size=1m,snapshots=2,volume=s1,calls=in-place', [], 1],
  ] as const)('%s', async (target, words, depth) => {
    const { jobs, snapshotsAtStart, stores } = await runs.result(['--target', target, ...mixed, ...words])
    const [job] = jobs
    expect(jobs).toHaveLength(1)
    expect(job).toMatchObject({ target, depth, arrival: 'closed-loop' })
    expect(job?.failure).toBeUndefined()
    const { read, sync, write } = job?.directions ?? {}
    expect(write?.requests).toBeGreaterThan(0)
    // Time may be up between the last write and its flush.
    expect(Math.floor((write?.requests ?? 0) / 16) - (sync?.requests ?? 0)).toBeOneOf([0, 1])
    expect(read?.requests === 0).toBe(target === 'two.img')
    const snapshots = Number(/snapshots=(\d)/.exec(target)?.[1] ?? 0)
    expect(snapshotsAtStart).toBe(target.startsWith('cowring:') ? snapshots : null)
    expect(stores).toHaveLength(snapshots)
  })

  it('leaves nothing beside the images', () => {
    expect(runs.names).toEqual(['five.img', 'four.img', 'one.img', 'six.img', 'three.img', 'two.img'])
  })

  it('does trims, and many jobs on one thread each', async () => {
    const words = ['--target', 'cowring:memory,size=4m', '--rw', 'randtrim', '--numjobs', '3', ...short]
    const { jobs } = await runs.result(words)
    expect(jobs.map(({ directions }) => directions.trim.requests > 0)).toEqual([true, true, true])
    const [all] = (await runs.result([...words, '--group_reporting'])).jobs
    expect(all).toMatchObject({ clones: 3 })
  })

  it('has room for large requests, many at a time', async () => {
    const words = ['--target', 'cowring:memory,size=16m', '--bs', '4m', '--rw', 'randwrite', ...short]
    const [job] = (await runs.result([...words, '--iodepth', '64', '--numjobs', '2', '--group_reporting'])).jobs
    expect(job?.directions.write.requests).toBeGreaterThan(0)
    const { code, err } = await runs.load(...words, '--iodepth', '1024')
    expect([code, err]).toEqual([2, expect.stringContaining('make bs, iodepth or numjobs smaller')])
  })

  it('says why a request failed', async () => {
    const words = ['--target', 'cowring:memory,size=4m,snapshots=1', '--rw', 'randtrim', ...short]
    const [job] = (await runs.result(words, 1)).jobs
    expect(job?.failure).toMatch(/^a trim of 4096 bytes at \d+ failed: .*discard/)
    expect(job?.directions.trim).toMatchObject({ requests: 0, errors: 1 })
  })

  it('says that a file takes one request at a time', async () => {
    const { out } = await runs.load('--target', 'one.img', '--iodepth', '8', ...short)
    expect(out).toContain('iodepth 8 was asked for; this target takes 1 at a time from each copy: give numjobs')
  })

  it('is shared by jobs that call it by different names', async () => {
    runs.write(
      'same.fio',
      '[a]',
      'filename=one.img',
      '[b]',
      'target=file:./one.img',
      '[c]',
      `target=${runs.at('one.img')}`,
    )
    const { jobs } = await runs.result(['same.fio', '--rw', 'randread', ...short])
    expect(jobs.map(requestsOf).every((requests) => requests > 0)).toBe(true)
  })

  it('is refused to jobs that open it in different ways', async () => {
    const targets = ['cowring:three.img', 'cowring:./three.img,snapshots=1']
    runs.write('ways.fio', '[a]', `target=${targets[0]}`, '[b]', `target=${targets[1]}`)
    const { code, err } = await runs.load('ways.fio', '--rw', 'read', ...short)
    expect([code, err]).toEqual([2, expect.stringContaining("jobs 'a' and 'b' open ./three.img in different ways")])
    expect(err).toContain(targets.join(', '))
  })
})

describe('an engine', () => {
  it('does what the timeline says, while the jobs run', async () => {
    const events = ['200ms snapshot a chunk=8', '400ms kill-worker 0', '600ms merge a', '800ms remove s0']
    const { jobs, stores, timeline } = await runs.result([
      ...['--target', 'cowring:event.img,size=2m,snapshots=1,workers=2', '--rw', 'randwrite', '--iodepth', '4'],
      ...['--runtime', '1500ms', '--time_based', ...events.flatMap((event) => ['--at', event])],
    ])
    expect(timeline.map(({ failure, text }) => [text, failure]).toSorted()).toEqual([
      ['kill-worker 0', undefined],
      ['merge a', undefined],
      ['remove s0', undefined],
      ['snapshot a chunk=8', undefined],
    ])
    for (const { atSeconds, text } of timeline) {
      const due = Number.parseInt(events.find((event) => event.endsWith(text)) ?? '', 10) / 1000
      expect(atSeconds).toBeGreaterThanOrEqual(due)
    }
    expect(jobs[0]?.failure).toBeUndefined()
    expect(stores.find(({ snapshot }) => snapshot === 'a')?.merge.at(-1)?.done).toBe(1)
    expect(runs.names.filter((name) => name.startsWith('event'))).toEqual(['event.img'])
  })

  it('tells which events failed, and the run has failed then', async () => {
    const events = ['--at', '50ms merge nobody', '--at', '60ms kill-worker 9', '--at', '1h snapshot late']
    const words = ['--target', 'cowring:memory,size=1m', '--rw', 'randwrite', ...short, ...events]
    const { timeline } = await runs.result(words, 1)
    expect(timeline.map(({ failure }) => failure)).toEqual([
      "there is no snapshot 'nobody'; there is none",
      expect.stringContaining('there is no worker 9'),
      'the jobs had ended before it was due',
    ])
  })
})

const isThere = (kind: ServerKind): boolean => kind === 'cowring' || hasTool(kind)

describe.each(serverKinds)('%s', (kind) => {
  it.skipIf(!isThere(kind))('is put under load, also if it serves one client at a time', async () => {
    const server = await startServer(kind, 2 ** 20)
    try {
      const { jobs } = await runs.result(['--target', server.uri, ...mixed])
      expect(jobs[0]).toMatchObject({ depth: 4, target: server.uri })
      expect(jobs[0]?.failure).toBeUndefined()
      expect(jobs[0]?.directions.read.requests).toBeGreaterThan(0)
    } finally {
      await server.close()
    }
  })

  it.skipIf(!isThere(kind))('may only be read if it says so', async () => {
    const server = await startServer(kind, 2 ** 20, true)
    try {
      const { code, err } = await runs.load('--target', server.uri, '--rw', 'randwrite', ...short)
      expect([code, err]).toEqual([1, expect.stringContaining('takes no writes; its jobs may only read')])
      expect((await runs.load('--target', server.uri, '--rw', 'randread', ...short)).code).toBe(0)
    } finally {
      await server.close()
    }
  })
})

it('a server that is gone in the middle ends the job with a sentence, soon', async () => {
  const server = await startServer('cowring', 2 ** 20)
  const words = ['load', '--target', server.uri, '--rw', 'randread', '--runtime', '20', '--time_based']
  const running = runs.start(...words, '--record', 'gone.trace')
  while (!existsSync(runs.at('gone.trace'))) await new Promise((resolve) => setTimeout(resolve, 10))
  await new Promise((resolve) => setTimeout(resolve, 500))
  await server.close()
  const closed = performance.now()
  const { code } = await running.ended
  expect(code).toBe(1)
  expect(performance.now() - closed).toBeLessThan(5000)
  expect(running.out.toString()).toMatch(/ended early: .*(NBD|server)/)
  expect(running.out.toString()).toContain('1 job ended early')
})

it.skipIf(!hasTool('nbdkit'))(
  'clones that find no place at the server end the run, and the others do not wait',
  async () => {
    const socket = runs.at('limited')
    const server = spawn('nbdkit', ['-f', '-U', socket, '--filter=limit', 'memory', '1M', 'limit=1'], {
      stdio: 'ignore',
    })
    try {
      while (!existsSync(socket)) await new Promise((resolve) => setTimeout(resolve, 10))
      const words = ['--rw', 'randread', '--numjobs', '3', '--runtime', '20', '--time_based']
      const { jobs } = await runs.result(['--target', `nbd+unix:///?socket=${socket}`, ...words], 1)
      expect(jobs.some(({ failure }) => failure !== undefined)).toBe(true)
    } finally {
      server.kill('SIGKILL')
    }
  },
)
