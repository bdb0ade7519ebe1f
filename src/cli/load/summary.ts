/**
 * What is said of a load run at its end: what each job did, what happened when, how full stores became, and whether every sector
 * was what it had to be. fio's figures, under fio's names.
 */
import { percentileOf } from '../../load/result/latency-histogram.js'
import {
  type DirectionName,
  directionNames,
  type JobResult,
  type LatencyCounts,
  type LoadResult,
  type StoreSeries,
  type TimelineMark,
  type VerificationResult,
} from '../../load/result/load-result.js'
import { bytes, bytesPerSecond, count, countPerSecond, duration, nanoseconds, percent } from '../figures.js'
import type { Alignment, Page } from '../page.js'
import { printable } from '../terminal-text.js'
import { verdictOf } from './verdict.js'

const sectorBytes = 512
const percents = [50, 90, 99, 99.9, 99.99] as const

export function printSummary(page: Page, result: LoadResult): void {
  const { cores, cpu, kernel, memoryBytes, node } = result.machine
  page.title(printable(result.title), `${duration(result.elapsedSeconds)}`)
  page.line(page.style('dim', `${cpu}, ${cores} cores, ${bytes(memoryBytes)}, Linux ${kernel}, Node ${node}`))
  if (result.snapshotsAtStart !== null) page.line(page.style('dim', snapshotsText(result.snapshotsAtStart)))
  for (const job of result.jobs) printJob(page, job)
  if (result.timeline.length > 0) printTimeline(page, result.timeline)
  if (result.stores.length > 0) printStores(page, result.stores)
  if (result.verification !== null) printVerification(page, result.verification)
  const { holds, text } = verdictOf(result)
  page.verdict(text, holds)
}

const snapshotsText = (snapshots: number): string =>
  `${snapshots === 0 ? 'no' : count(snapshots)} ${snapshots === 1 ? 'snapshot' : 'snapshots'} when the jobs began`

function printJob(page: Page, job: JobResult): void {
  const directions = directionNames.filter((name) => job.directions[name].requests + job.directions[name].errors > 0)
  page.section(printable(job.name))
  const copies = job.clones === 1 ? '' : `${job.clones} copies, `
  page.line(page.style('dim', `${copies}depth ${job.depth}, ${job.arrival.replace('-', ' ')}, group ${job.group}`))
  page.line(page.style('dim', printable(job.target)))
  const asked = Number(job.options.iodepth ?? 1)
  if (asked > job.depth)
    page.line(`iodepth ${asked} was asked for; this target takes ${job.depth} at a time from each copy: give numjobs`)
  if (job.failure !== undefined) page.line(page.style('red', `ended early: ${printable(job.failure)}`))
  if (directions.length === 0) {
    page.line('no requests')
    return
  }
  page.line()
  page.table(
    columns(6),
    directions.map((name) => workRow(page, job, name)),
    ['', 'IOPS', 'bandwidth', 'requests', 'errors', 'run time'],
  )
  page.line()
  page.table(
    columns(8),
    directions.flatMap((name) => latencyRows(job, name)),
    ['latency', 'min', ...percents.map((each) => `p${each}`), 'max'],
  )
}

const columns = (many: number): Alignment[] =>
  Array.from({ length: many }, (_, column) => (column === 0 ? 'left' : 'right'))

function workRow(page: Page, { directions }: JobResult, name: DirectionName): string[] {
  const { bytes: size, errors, requests, seconds } = directions[name]
  return [
    name,
    countPerSecond(requests, seconds),
    name === 'sync' ? '' : bytesPerSecond(size, seconds),
    count(requests),
    errors === 0 ? '0' : page.style('red', count(errors)),
    duration(seconds),
  ]
}

/** Where requests come at a rate of their own, what they waited before they were sent is told apart. */
function latencyRows({ arrival, directions }: JobResult, name: DirectionName): string[][] {
  const { latency, service } = directions[name]
  const whole = [name, ...latencyCells(latency)]
  return arrival === 'closed-loop' ? [whole] : [whole, ['  once sent', ...latencyCells(service)]]
}

const latencyCells = (counts: LatencyCounts): string[] =>
  [counts.minNanoseconds, ...percents.map((each) => percentileOf(counts, each)), counts.maxNanoseconds].map((value) =>
    counts.samples === 0 ? '–' : nanoseconds(value),
  )

function printTimeline(page: Page, timeline: readonly TimelineMark[]): void {
  page.section('Timeline')
  page.table(
    ['right', 'left', 'right', 'left'],
    timeline.map(({ atSeconds, endSeconds, failure, text }) => [
      `${atSeconds.toFixed(1)} s`,
      printable(text),
      duration(endSeconds - atSeconds),
      failure === undefined ? '' : page.style('red', `failed: ${printable(failure)}`),
    ]),
    ['at', 'what', 'took', ''],
  )
}

function printStores(page: Page, stores: readonly StoreSeries[]): void {
  page.section('Stores')
  page.table(
    ['left', 'right', 'right', 'right', 'right'],
    stores.map(({ merge, points, snapshot }) => {
      const last = points.at(-1)
      const merged = merge.at(-1)
      return [
        printable(snapshot),
        last === undefined ? '–' : percent(last.percent),
        last === undefined ? '–' : bytes(last.allocatedSectors * sectorBytes),
        last === undefined ? '–' : bytes(last.totalSectors * sectorBytes),
        merged === undefined ? '' : percent(merged.done * 100),
      ]
    }),
    ['snapshot', 'full', 'used', 'of', 'merged'],
  )
}

function printVerification(page: Page, verification: VerificationResult): void {
  const { moreViolations, readToTheEnd, sectorsChecked, unchecked, violations } = verification
  page.section('Verification')
  page.line(`${count(sectorsChecked)} sectors checked`)
  if (readToTheEnd.length > 0) page.line(`read from end to end: ${readToTheEnd.map(printable).join(', ')}`)
  for (const { reason, volume } of unchecked) page.line(`not checked: ${printable(volume)}: ${printable(reason)}`)
  for (const { atSeconds, kind, sector, story, volume } of violations) {
    page.line()
    page.line(page.style('red', `${kind}: ${printable(volume)}, sector ${sector}, at ${atSeconds.toFixed(1)} s`))
    for (const line of story.split('\n')) page.line(`  ${printable(line)}`)
  }
  if (moreViolations > 0) page.line(`… and ${count(moreViolations)} more`)
}
