import { execFileSync } from 'node:child_process'
import { expect, it } from 'vitest'
import { seriesCsv } from '../../../src/load/result/csv.js'
import type { LoadResult } from '../../../src/load/result/load-result.js'
import { sampleResult } from '../../support/load/sample-result.js'

/** RFC 4180, by its grammar. */
function parsed(csv: string): string[][] {
  const rows: string[][] = [[]]
  const field = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\n)/y
  while (field.lastIndex < csv.length) {
    const match = field.exec(csv)
    if (match === null) throw new Error('this is no CSV')
    rows.at(-1)?.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '')
    if (match[3] === '\n') rows.push([])
  }
  expect(rows.pop()).toEqual([])
  return rows
}

const tableOf = (result: LoadResult): Record<string, string>[] => {
  const [header = [], ...rows] = parsed(seriesCsv(result))
  return rows.map((row) => {
    expect(row).toHaveLength(header.length)
    return Object.fromEntries(header.map((name, column) => [name, row[column] ?? '']))
  })
}

it('has a row for every interval, with what it did, how full stores were and what happened', () => {
  const result = sampleResult({ seconds: 4 })
  const rows = tableOf(result)
  expect(rows.map((row) => row.seconds)).toEqual(['1', '2', '3', '4'])
  expect(rows.map((row) => row.is_ramp)).toEqual(['1', '0', '0', '0'])
  expect(rows.map((row) => row.events)).toEqual(['', 'snapshot monday', 'snapshot tuesday', ''])
  expect(rows.map((row) => row['store_percent monday'])).toEqual(['8.333', '16.667', '25', '33.333'])
  expect(rows.map((row) => row['merge_percent monday'])).toEqual(['', '', '50', '50'])
  expect(rows.map((row) => row['merge_percent tuesday'])).toEqual(['', '', '', ''])
  const { read } = result.series[2]?.directions ?? {}
  expect(rows[2]).toMatchObject({
    interval_seconds: '1',
    read_iops: String(read?.requests),
    read_bytes_per_second: String((read?.requests ?? 0) * 4096),
    read_p50_us: String((read?.p50Nanoseconds ?? 0) / 1000),
    read_p99_us: String((read?.p99Nanoseconds ?? 0) / 1000),
    read_max_us: String((read?.maxNanoseconds ?? 0) / 1000),
  })
})

it('divides by the length of the interval', () => {
  const result = sampleResult({ seconds: 2 })
  const series = result.series.map((point) => ({ ...point, seconds: 0.5 }))
  const requests = result.series[1]?.directions.write.requests ?? 0
  expect(tableOf({ ...result, series })[1]?.write_iops).toBe(String(requests * 2))
})

const awkward = ['a,b', 'say "hi"', 'two\nlines', '=1+1', '+1', '-1', '@SUM(A1)', '\tx', ' ', 'ü', '"', ',', '\r\n']

it('gives users’ names back as they are, whatever they have in them', () => {
  const [row = {}] = tableOf(sampleResult({ seconds: 2, snapshots: awkward }))
  for (const name of awkward) expect(Object.keys(row)).toContain(`store_percent ${name}`)
})

it('has no cell that a spreadsheet would take for a formula', () => {
  const result = sampleResult({ seconds: 3, snapshots: awkward })
  const timeline = awkward.map((text) => ({ atSeconds: 2, endSeconds: 2, text }))
  for (const { text } of timeline) {
    const cells = parsed(seriesCsv({ ...result, timeline: [{ atSeconds: 2, endSeconds: 2, text }] })).flat()
    expect(cells.filter((cell) => /^[=+\-@\t\r\n]/.test(cell))).toEqual([])
    // Told from one that begins with an apostrophe by nothing: it is for people to read.
    expect(cells.some((cell) => cell === text || cell === `'${text}`)).toBe(true)
  }
})

it('loses no event: of the time before the first interval, after the last, or of one that failed', () => {
  const result = sampleResult({ seconds: 3 })
  const timeline = [
    { atSeconds: -1, endSeconds: 0, text: 'early' },
    { atSeconds: 1, endSeconds: 1, text: 'on the edge' },
    { atSeconds: 1.5, endSeconds: 9, text: 'merge monday', failure: 'it is gone' },
    { atSeconds: 1.7, endSeconds: 2, text: 'second' },
    { atSeconds: 99, endSeconds: 99, text: 'late' },
  ]
  expect(tableOf({ ...result, timeline }).map((row) => row.events)).toEqual([
    'early; on the edge',
    'merge monday (failed: it is gone); second',
    'late',
  ])
})

const hasPython = (() => {
  try {
    execFileSync('python3', ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
})()

it.skipIf(!hasPython)('is read by Python’s csv module as by the grammar', () => {
  const csv = seriesCsv(sampleResult({ seconds: 3, snapshots: awkward }))
  const read =
    'import csv, io, json, sys; print(json.dumps(list(csv.reader(io.StringIO(sys.stdin.buffer.read().decode(), newline="")))))'
  expect(JSON.parse(execFileSync('python3', ['-c', read], { input: csv }).toString())).toEqual(parsed(csv))
})
