import { expect, it } from 'vitest'
import { printSummary } from '../../../../src/cli/load/summary.js'
import { verdictOf } from '../../../../src/cli/load/verdict.js'
import { Page } from '../../../../src/cli/page.js'
import { LatencyHistogram } from '../../../../src/load/result/latency-histogram.js'
import type { JobResult, LatencyCounts, LoadResult } from '../../../../src/load/result/load-result.js'
import { sampleResult } from '../../../support/load/sample-result.js'
import { Screen } from '../../../support/load/screen.js'

function printed(result: LoadResult): string[] {
  let text = ''
  printSummary(new Page({ write: (more: string) => (text += more) } as unknown as NodeJS.WriteStream), result)
  return text.split('\n')
}

/** 10000 latencies: 1 µs, 2 µs … 10 ms. */
const evenly = (scale: number): LatencyCounts => {
  const histogram = new LatencyHistogram()
  for (let step = 1; step <= 10_000; step++) histogram.record(step * 1000 * scale)
  return histogram.counts()
}

const nothing = {
  requests: 0,
  bytes: 0,
  errors: 0,
  seconds: 0,
  latency: new LatencyHistogram().counts(),
  service: new LatencyHistogram().counts(),
}
const some = { requests: 10_000, bytes: 40_960_000, errors: 0, seconds: 4, latency: evenly(2), service: evenly(1) }

const job: JobResult = {
  name: 'mixed',
  group: 0,
  target: 'cowring:/images/disk.img',
  options: {},
  clones: 2,
  depth: 8,
  arrival: 'closed-loop',
  directions: { read: some, write: { ...some, errors: 2 }, trim: nothing, sync: { ...some, bytes: 0 } },
}

it('says what was done, how long it took, what happened, how full stores became and whether all is right', () => {
  const result = sampleResult({ violations: 1 })
  const mark = { atSeconds: 3, endSeconds: 4.25, text: 'merge monday', failure: 'it is gone' }
  const open: JobResult = {
    ...job,
    name: 'discards',
    group: 1,
    clones: 1,
    depth: 1,
    arrival: 'open-loop',
    directions: { ...job.directions, read: nothing, write: nothing, trim: some, sync: nothing },
    failure: 'its target went away',
  }
  expect(printed({ ...result, jobs: [job, open], timeline: [...result.timeline, mark] })).toMatchInlineSnapshot(`
    [
      "cowring load mixed.fio  6.0 s",
      "   Sample CPU, 2 cores, 8 GiB, Linux 6.1.0, Node v20.20.0",
      "   no snapshots when the jobs began",
      "",
      "1  mixed",
      "   2 copies, depth 8, closed loop, group 0",
      "   cowring:/images/disk.img",
      "",
      "           IOPS   bandwidth  requests  errors  run time",
      "   read   2,500  9.77 MiB/s    10,000       0     4.0 s",
      "   write  2,500  9.77 MiB/s    10,000       2     4.0 s",
      "   sync   2,500                10,000       0     4.0 s",
      "",
      "   latency   min      p50      p90      p99  p99.9  p99.99    max",
      "   read     2 µs  10.0 ms  18.1 ms  19.9 ms  20 ms   20 ms  20 ms",
      "   write    2 µs  10.0 ms  18.1 ms  19.9 ms  20 ms   20 ms  20 ms",
      "   sync     2 µs  10.0 ms  18.1 ms  19.9 ms  20 ms   20 ms  20 ms",
      "",
      "2  discards",
      "   depth 1, open loop, group 1",
      "   cowring:/images/disk.img",
      "   ended early: its target went away",
      "",
      "          IOPS   bandwidth  requests  errors  run time",
      "   trim  2,500  9.77 MiB/s    10,000       0     4.0 s",
      "",
      "   latency       min      p50      p90      p99  p99.9  p99.99    max",
      "   trim         2 µs  10.0 ms  18.1 ms  19.9 ms  20 ms   20 ms  20 ms",
      "     once sent  1 µs  5.01 ms  9.04 ms  9.96 ms  10 ms   10 ms  10 ms",
      "",
      "3  Timeline",
      "      at  what                took",
      "   1.5 s  snapshot monday   100 ms",
      "   2.5 s  snapshot tuesday  100 ms",
      "   3.0 s  merge monday       1.3 s  failed: it is gone",
      "",
      "4  Stores",
      "   snapshot  full     used     of  merged",
      "   monday     33%  342 KiB  1 MiB     50%",
      "   tuesday    67%  683 KiB  1 MiB",
      "",
      "5  Verification",
      "   123,456 sectors checked",
      "   read from end to end: origin, monday, tuesday",
      "",
      "   lost write: monday, sector 0, at 3.0 s",
      "     sector 0 of monday holds version 3",
      "       at 2.0 s version 4 was written and answered",
      "",
      "1 violation, 2 requests failed, 1 job ended early, 1 event of the timeline failed",
      "",
    ]
  `)
})

it('fits a terminal of 80 columns', () => {
  const lines = printed({ ...sampleResult({ violations: 2 }), jobs: [job, { ...job, arrival: 'open-loop' }] })
  expect(lines.filter((line) => line.length > 80)).toEqual([])
})

it('leaves out what there was not, and says of a job that did nothing just that', () => {
  const idle = { ...job, directions: { read: nothing, write: nothing, trim: nothing, sync: nothing } }
  const lines = printed({ ...sampleResult({ snapshots: [] }), jobs: [idle], verification: null })
  expect(lines.slice(4, -1)).toEqual([
    '1  mixed',
    '   2 copies, depth 8, closed loop, group 0',
    '   cowring:/images/disk.img',
    '   no requests',
    '',
    '0 requests answered, nothing verified',
  ])
})

it('tells the rest of many violations, and what could not be checked', () => {
  const result = sampleResult({ violations: 1 })
  if (result.verification === null) throw new Error('the sample is verified')
  const unchecked = [{ volume: 'tuesday', reason: 'it overflowed' }]
  const lines = printed({ ...result, verification: { ...result.verification, moreViolations: 1999, unchecked } })
  expect(lines).toContain('   … and 1,999 more')
  expect(lines).toContain('   not checked: tuesday: it overflowed')
  expect(lines).toContain('2,000 violations')
})

it('prints no control character of a name or a story', () => {
  const screen = new Screen(80, 500)
  const result = sampleResult({ violations: 1, snapshots: ['a\u001b[2J\u0007'] })
  printSummary(new Page(screen.stream), { ...result, title: 'x\u0007' })
  expect(screen.text.join('\n')).toContain('snapshot a\ufffd[2J\ufffd')
})

const changed = (changes: Partial<LoadResult>): LoadResult => ({ ...sampleResult(), ...changes })
const verified = sampleResult().verification
if (verified === null) throw new Error('the sample is verified')

it.each([
  [changed({ jobs: [] }), true, '0 requests answered, every sector checked is what it had to be'],
  [changed({ jobs: [], verification: null }), true, '0 requests answered, nothing verified'],
  [
    changed({
      jobs: [],
      verification: { ...verified, unchecked: [{ volume: 'a', reason: 'b' }] },
      stores: [{ snapshot: 'a', points: [], merge: [] }],
    }),
    true,
    '0 requests answered, every sector checked is what it had to be; 1 volume was not checked',
  ],
  [
    changed({ jobs: [], verification: { ...verified, unchecked: [{ volume: 'origin', reason: 'b' }] } }),
    false,
    '1 volume could not be read to its end',
  ],
  [sampleResult({ violations: 1 }), false, '1 violation'],
  [changed({ verification: { ...verified, moreViolations: 2 } }), false, '2 violations'],
  [changed({ jobs: [job] }), false, '2 requests failed'],
  [
    changed({
      jobs: [{ ...job, failure: 'gone' }],
      timeline: [{ atSeconds: 0, endSeconds: 0, text: 'x', failure: 'y' }],
    }),
    false,
    '2 requests failed, 1 job ended early, 1 event of the timeline failed',
  ],
])('judges a run %#', (result, holds, text) => {
  expect(verdictOf(result)).toEqual({ holds, text })
})
