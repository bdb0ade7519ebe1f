/** Coordinated omission: what a stall of half a second does to the figures of an open loop, and not to those of a closed one. */
import { statSync } from 'node:fs'
import { afterAll, expect, it } from 'vitest'
import { percentileOf } from '../../src/load/result/latency-histogram.js'
import type { LoadResult } from '../../src/load/result/load-result.js'
import { LoadRuns } from '../support/load/load-runs.js'

const runs = new LoadRuns()
afterAll(() => runs.close())

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

it('a stall of the server is seen by every request that was due in it, if the loop is open', async () => {
  runs.file('disk', 2048)
  const server = runs.start('serve', '--listen', `unix:${runs.at('socket')}`, 'disk')
  await server.printed('nbd+unix')
  const common = ['rw=randwrite', 'rate_iops=1000', 'runtime=2500ms', 'time_based', 'target=nbd+unix:///?socket=socket']
  runs.write('jobs.fio', '[open]', ...common, 'open_loop', '[closed]', ...common)
  const { mtimeMs } = statSync(runs.at('disk'))
  const running = runs.result(['jobs.fio'])
  while (statSync(runs.at('disk')).mtimeMs === mtimeMs) await sleep(10)
  await sleep(300)
  server.child.kill('SIGSTOP')
  await sleep(500)
  server.child.kill('SIGCONT')
  const { jobs }: LoadResult = await running
  const [open, closed] = jobs.map(({ directions }) => directions.write)
  const milliseconds = (counts: Parameters<typeof percentileOf>[0] | undefined, percent: number): number =>
    counts === undefined ? Number.NaN : percentileOf(counts, percent) / 1e6
  expect(milliseconds(open?.latency, 99)).toBeGreaterThan(300)
  expect(milliseconds(open?.latency, 90)).toBeGreaterThan(100)
  expect(milliseconds(open?.service, 99)).toBeLessThan(100)
  expect(milliseconds(closed?.latency, 99)).toBeLessThan(100)
  expect(milliseconds(closed?.latency, 100)).toBeGreaterThan(300)
})
