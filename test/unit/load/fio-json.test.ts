import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { figuresOf } from '../../../bench/peers/fio-report.js'
import { fioJson } from '../../../src/load/result/fio-json.js'
import { LatencyHistogram } from '../../../src/load/result/latency-histogram.js'
import type { JobResult, LatencyCounts, LoadResult } from '../../../src/load/result/load-result.js'
import { sampleResult } from '../../support/load/sample-result.js'

/**
 * Recorded from fio 3.33 with `--output-format=json` and `json+`:
 * `[global] size=256k bs=4k lat_percentiles=1 clat_percentiles=1`, and the jobs `[mixed] rw=randrw numjobs=2 group_reporting`,
 * `[flushed] stonewall rw=write fsync=4`, `[trimmed] stonewall rw=randtrim ioengine=null`.
 */
const recordedText = (name: string): string => readFileSync(new URL(`./recorded/${name}`, import.meta.url), 'utf8')

type Json = { readonly [key: string]: Json } & { readonly length?: number }
const jobsOf = (report: object): Json[] => (report as { jobs: Json[] }).jobs
const asWritten = (report: object): object => JSON.parse(JSON.stringify(report))
const sumOf = (bins: object | undefined): number => Object.values(bins ?? {}).reduce((sum, count) => sum + count, 0)
const at = (json: Json | undefined, ...path: string[]): Json | undefined =>
  path.reduce<Json | undefined>((inner, key) => inner?.[key], json)

/** Objects whose keys are values: which ones there are is another matter. */
const keyedByValues = ['bins', 'job options', 'global options']

/** Paths of all values with their types; fio writes a fraction where a value need not be whole. */
function pathsOf(value: unknown, path: string): string[] {
  if (Array.isArray(value)) return [`${path}: array`, ...value.flatMap((each) => pathsOf(each, `${path}[]`))]
  if (typeof value !== 'object' || value === null) return [`${path}: ${typeOf(value)}`]
  const inner = Object.entries(value).flatMap(([key, each]) =>
    pathsOf(each, keyedByValues.some((name) => path.endsWith(name)) ? `${path}.*` : `${path}.${key}`),
  )
  return [`${path}: object`, ...inner]
}

const typeOf = (value: unknown): string =>
  typeof value !== 'number' ? typeof value : Number.isInteger(value) ? 'whole number' : 'number'

const fractionsMarked = (text: string): string => text.replace(/: (-?\d+\.\d+)/g, ': 0.5')

it.each([
  { recorded: 'fio-3.33.json', bins: false },
  { recorded: 'fio-3.33-plus.json', bins: true },
])('has every field of $recorded, of its type', ({ bins, recorded }) => {
  const theirs = pathsOf(JSON.parse(fractionsMarked(recordedText(recorded))), '')
  const ours = new Set(pathsOf(asWritten(fioJson(sampleResult(), { bins })), ''))
  // Of disks there is nothing to tell; a run of ours has no options for all jobs.
  const wanted = theirs.filter((path) => !path.startsWith('.disk_util[]') && !path.startsWith('.global options.'))
  const missing = wanted.filter(
    (path) => !ours.has(path) && !(path.endsWith(': number') && ours.has(path.replace(/number$/, 'whole number'))),
  )
  expect(missing).toEqual([])
})

it('has a field more than fio: the whole record', () => {
  const theirs = new Set(Object.keys(JSON.parse(recordedText('fio-3.33-plus.json'))))
  const result = sampleResult()
  const ours = fioJson(result, { bins: true })
  expect(Object.keys(ours).filter((key) => !theirs.has(key))).toEqual(['cowring'])
  expect((asWritten(ours) as { cowring: LoadResult }).cowring).toEqual(result)
})

it('leaves percentiles and bins out where fio does: of nothing, and bins where they were not asked for', () => {
  const [mixed] = jobsOf(fioJson(sampleResult(), { bins: true }))
  expect(Object.keys(at(mixed, 'trim', 'lat_ns') ?? {})).toEqual(['min', 'max', 'mean', 'stddev', 'N'])
  const [plain] = jobsOf(fioJson(sampleResult(), { bins: false }))
  expect(Object.keys(at(plain, 'read', 'lat_ns') ?? {})).toEqual(['min', 'max', 'mean', 'stddev', 'N', 'percentile'])
})

it('adds up: bins are N, N is the requests, percentiles ascend and are bins, shares are a hundred percent', () => {
  for (let seed = 1; seed <= 20; seed++) {
    for (const job of jobsOf(fioJson(withSlowReads(sampleResult({ seed })), { bins: true }))) {
      const shares = ['latency_ns', 'latency_us', 'latency_ms'].map((unit) => sumOf(at(job, unit)))
      expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(100)
      for (const [direction, kind] of [
        ['read', 'lat_ns'],
        ['read', 'clat_ns'],
        ['write', 'lat_ns'],
        ['trim', 'lat_ns'],
        ['trim', 'clat_ns'],
        ['sync', 'lat_ns'],
      ] as const) {
        const latency = at(job, direction, kind)
        const { bins, percentile, N } = latency as Json
        expect(N).toBe(at(job, direction, 'total_ios'))
        expect(sumOf(bins)).toBe(N)
        const values = Object.values(percentile ?? {}) as unknown as number[]
        expect(values).toEqual(values.toSorted((a, b) => a - b))
        for (const [percent, value] of Object.entries(percentile ?? {})) {
          const upTo = Object.entries(bins ?? {}).filter(([key]) => Number(key) <= Number(value))
          expect(upTo.map(([key]) => Number(key))).toContain(value)
          expect(upTo.reduce((sum, [, count]) => sum + Number(count), 0) / Number(N)).toBeGreaterThanOrEqual(
            Number(percent) / 100 - 1e-9,
          )
        }
      }
    }
  }
})

it('says in fio’s units what the record says', () => {
  const result = sampleResult()
  const report = fioJson(result, { bins: false }) as unknown as Json
  expect(report).toMatchObject({ 'fio version': 'cowring-1.2.3', timestamp: 1767323051, timestamp_ms: 1767323051000 })
  expect(String(report.time)).toMatch(/^(Thu|Fri|Sat) Jan {2}[123] \d\d:\d\d:11 2026$/)
  const [mixed, discards] = jobsOf(report)
  const read = result.jobs[0]?.directions.read
  if (read === undefined) throw new Error('the sample has no reads')
  expect(mixed).toMatchObject({
    jobname: 'mixed',
    groupid: 0,
    error: 0,
    elapsed: 5,
    job_runtime: 10_000,
    'job options': { rw: 'randrw', bs: '4k', iodepth: '8', numjobs: '2' },
    iodepth_level: { '8': 100, '4': 0 },
    latency_depth: 8,
  })
  expect(at(mixed, 'read')).toMatchObject({
    io_bytes: read.bytes,
    io_kbytes: read.requests * 4,
    bw_bytes: Math.floor(read.bytes / 5),
    bw: Math.floor(read.bytes / 5 / 1024),
    iops: read.requests / 5,
    runtime: 5000,
    total_ios: read.requests,
    iops_samples: 5,
    iops_mean: read.requests / 5,
  })
  const rates = result.series.slice(1).map((point) => point.directions.read.requests)
  const squares = rates.reduce((sum, rate) => sum + (rate - read.requests / 5) ** 2, 0)
  expect(at(mixed, 'read', 'iops_stddev')).toBeCloseTo(Math.sqrt(squares / 4))
  // It waited before it was sent: from the due instant it took longer.
  const mean = (kind: string): number => Number(at(discards, 'trim', kind, 'mean'))
  expect(mean('slat_ns')).toBeGreaterThan(5000)
  expect(mean('lat_ns')).toBeCloseTo(mean('slat_ns') + mean('clat_ns'))
  expect(at(discards, 'iodepth_level')).toMatchObject({ '1': 0 })
})

it('gives a series to a job only where no other works in the same direction, from its first to its last interval', () => {
  const result = sampleResult()
  const [mixed, discards] = result.jobs as [JobResult, JobResult]
  const idle = { requests: 0, bytes: 0, p50Nanoseconds: 0, p99Nanoseconds: 0, maxNanoseconds: 0 }
  const stalled = result.series.map((point, index) =>
    index === 1 || index === 3 || index === 5 ? { ...point, directions: { ...point.directions, read: idle } } : point,
  )
  const [alone, others] = jobsOf(fioJson({ ...result, series: stalled }, { bins: false }))
  expect(at(alone, 'read')).toMatchObject({ iops_samples: 3, iops_min: 0, bw_min: 0 })
  expect(at(others, 'read')).toMatchObject({ iops_samples: 0, iops_max: 0 })
  const twins = jobsOf(fioJson({ ...result, jobs: [mixed, { ...mixed, name: 'twin' }, discards] }, { bins: false }))
  expect(twins.map((job) => at(job, 'read', 'iops_samples'))).toEqual([0, 0, 0])
})

it('reports errors and failures as EIO', () => {
  const result = sampleResult()
  const [mixed, discards] = result.jobs as [JobResult, JobResult]
  const write = { ...mixed.directions.write, errors: 3 }
  const jobs = [
    { ...mixed, directions: { ...mixed.directions, write } },
    { ...discards, failure: 'its target went away' },
  ]
  expect(jobsOf(fioJson({ ...result, jobs }, { bins: false }))).toMatchObject([
    { error: 5, total_err: 3, first_error: 5 },
    { error: 5 },
  ])
})

it('is read by the peers benchmark’s reader of fio reports', () => {
  const result = sampleResult()
  const read = result.jobs[0]?.directions.read
  const one = { ...result, jobs: result.jobs.slice(0, 1) }
  const output = `connected\n${JSON.stringify(fioJson(one, { bins: false }), null, 2)}\n`
  const figures = figuresOf(output, 'read', 4096)
  expect(figures.operations).toBe(read?.requests)
  expect(figures.seconds).toBe(5)
  expect(figures.latencyMicrosecondsMedian).toBeLessThanOrEqual(figures.latencyMicrosecondsOf99)
})

/** Debian ships it in the package `fio`. */
const clat2csv = 'fio_jsonplus_clat2csv'
const hasClat2csv = (() => {
  try {
    execFileSync(clat2csv, ['--help'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
})()

it.skipIf(!hasClat2csv)(
  `is read by ${clat2csv}: every request is in its table, also what took more than fio’s longest`,
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'cowring-fio-'))
    try {
      const result = withSlowReads(sampleResult())
      writeFileSync(join(folder, 'report.json'), JSON.stringify(fioJson(result, { bins: true }), null, 2))
      execFileSync(clat2csv, ['report.json', 'table.csv'], { cwd: folder, timeout: 20_000 })
      execFileSync(clat2csv, ['report.json', 'table.csv', '--validate'], { cwd: folder, timeout: 20_000 })
      for (const [index, job] of result.jobs.entries()) {
        const totals = totalsOf(readFileSync(join(folder, `table_job${index}.csv`), 'utf8'))
        for (const direction of ['read', 'write', 'trim'] as const) {
          expect(totals[`${direction}_lat_ns_count`]).toBe(job.directions[direction].requests)
          expect(totals[`${direction}_clat_ns_count`]).toBe(job.directions[direction].requests)
        }
      }
    } finally {
      rmSync(folder, { recursive: true })
    }
  },
)

function withSlowReads(result: LoadResult): LoadResult {
  const [mixed, ...others] = result.jobs as [JobResult, ...JobResult[]]
  const slower = (counts: LatencyCounts): LatencyCounts => {
    const histogram = new LatencyHistogram()
    histogram.addCounts(counts)
    histogram.record(30e9)
    histogram.record(60e9)
    return histogram.counts()
  }
  const { read } = mixed.directions
  const slow = { ...read, requests: read.requests + 2, latency: slower(read.latency), service: slower(read.service) }
  return { ...result, jobs: [{ ...mixed, directions: { ...mixed.directions, read: slow } }, ...others] }
}

function totalsOf(csv: string): Record<string, number> {
  const [header = '', ...rows] = csv.trim().split('\n')
  const names = header.split(',').map((name) => name.trim())
  const sums = Object.fromEntries(names.map((name) => [name, 0]))
  for (const row of rows) {
    for (const [column, cell] of row.split(',').entries()) {
      const name = names[column]
      if (name !== undefined) sums[name] = (sums[name] ?? 0) + Number(cell)
    }
  }
  return sums
}
