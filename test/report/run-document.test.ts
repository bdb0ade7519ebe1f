/** Runs as a report: which figures and plots come of them, and what a page keeps from names. */
import { describe, expect, it } from 'vitest'
import { runDocument } from '../../src/load/html/run-document.js'
import type { JobResult, LoadResult } from '../../src/load/result/load-result.js'
import type { Block, Plot, ReportDocument, Table } from '../../src/report/document.js'
import { layout } from '../../src/report/layout.js'
import { reportHtml } from '../../src/report/report-html.js'
import { sampleResult, sampleSweep } from '../support/report/sample-results.js'
import { linesOf, marksOf, textsOf } from '../support/report/svg-reading.js'

const blocksOf = ({ sections }: ReportDocument): readonly Block[] => sections.flatMap(({ blocks }) => blocks)

const plotsOf = (document: ReportDocument): readonly Plot[] =>
  blocksOf(document).flatMap((block) => (block.kind === 'plots' ? block.plots : []))

function plotOf(document: ReportDocument, title: string): Plot {
  const plot = plotsOf(document).find((one) => one.title === title)
  if (plot === undefined) throw new Error(`no plot '${title}' among: ${plotsOf(document).map((one) => one.title)}`)
  return plot
}

function tableOf(document: ReportDocument, caption: string): Table {
  const found = blocksOf(document).find((block) => block.kind === 'table' && block.table.caption === caption)
  if (found?.kind !== 'table') throw new Error(`no table '${caption}'`)
  return found.table
}

const wordsOf = (document: ReportDocument): string => JSON.stringify(blocksOf(document))

const noNumber = /NaN|Infinity|undefined/g

/** What of a page is like this, with a little of what is around it: a whole page says nothing. */
const found = (page: string, pattern: RegExp): readonly string[] =>
  [...page.matchAll(pattern)].slice(0, 5).map(({ index }) => page.slice(Math.max(0, index - 60), index + 60))

const one = sampleResult()
const empty: LoadResult = { ...one, jobs: [], series: [], timeline: [], stores: [], verification: null }

describe('the report of a run', () => {
  const document = runDocument([one])

  it('has every plot', () => {
    expect(plotsOf(document).map(({ title }) => title)).toEqual([
      'Requests a second',
      'Bandwidth',
      'Latency of a read',
      'Latency of a write',
      'Latency histogram',
      'Latency by percentile',
      'Store of monday',
    ])
  })

  it('sums up jobs and directions that did something', () => {
    const { columns, rows } = tableOf(document, 'Jobs and directions')
    expect(columns.map(({ name }) => name)).toEqual(
      'job direction IOPS bandwidth p50 p90 p99 p99.9 max errors'.split(' '),
    )
    expect(rows.map(([job, direction]) => [job, direction])).toEqual([
      ['mixed', 'read'],
      ['mixed', 'write'],
    ])
    const read = one.jobs[0]?.directions.read
    expect(rows[0]?.[2]).toBe(Math.round((read?.requests ?? 0) / (read?.seconds ?? 1)).toLocaleString('en-US'))
    expect(rows[0]?.slice(4, 9).every((text) => /^[\d.]+ (µs|ms)$/.test(text))).toBe(true)
  })

  it('marks what happened where it happened, in every plot over time', () => {
    const places = [0, 5, 20, 30].map((at) => layout.left + ((layout.width - layout.right - layout.left) * at) / 60)
    for (const title of ['Requests a second', 'Bandwidth', 'Latency of a write', 'Store of monday']) {
      expect(marksOf(plotOf(document, title).svg)).toEqual(places.map((place) => Math.round(place * 10) / 10))
    }
    expect(tableOf(document, 'What happened').rows[1]).toEqual(['20.00 s', '21.50 s', 'merge monday', 'done'])
  })

  it('shows how a store fills up, and its merge from begin to end', () => {
    const { svg, readings } = plotOf(document, 'Store of monday')
    expect(textsOf(svg)).toEqual(expect.arrayContaining(['in use', 'merged']))
    expect(readings.map(({ name, at }) => [name, at.at(-1)?.[2]])).toEqual([
      ['in use', '0.4 %'],
      ['merged', '100 %'],
    ])
  })

  it('says nothing of a direction in intervals in which nobody went there', () => {
    const series = one.series.map((point, index) => {
      const read = { ...point.directions.read, requests: 0, p50Nanoseconds: 0, p99Nanoseconds: 0, maxNanoseconds: 0 }
      return index < 60 ? point : { ...point, directions: { ...point.directions, read } }
    })
    const { figures, readings } = plotOf(runDocument([{ ...one, series }]), 'Latency of a read')
    expect(readings[0]?.at).toHaveLength(60)
    expect(figures.rows[0]).not.toContain('0 ns')
  })

  it('tells failures of jobs and of the timeline', () => {
    const jobs = one.jobs.map((job): JobResult => ({ ...job, failure: 'EIO at 4096' }))
    const timeline = [{ atSeconds: 1, endSeconds: 2, text: 'snapshot monday', failure: 'no room' }]
    const words = wordsOf(runDocument([{ ...one, jobs, timeline }]))
    expect(words).toContain('job mixed ended before its time: EIO at 4096')
    expect(words).toContain('failed: EIO at 4096')
    expect(words).toContain('failed: no room')
  })

  it('is there for a run in which nothing happened', () => {
    const document = runDocument([empty])
    expect(wordsOf(document)).toContain('Nothing was verified')
    expect(found(reportHtml(document), noNumber)).toEqual([])
  })

  it('leaves plots of many stores to the table', () => {
    const stores = Array.from({ length: 64 }, (_, index) => ({ snapshot: `s${index}`, points: [], merge: [] }))
    const document = runDocument([{ ...one, stores }])
    expect(plotsOf(document).filter(({ title }) => title.startsWith('Store'))).toHaveLength(12)
    expect(tableOf(document, 'Stores at the end').rows).toHaveLength(64)
    expect(wordsOf(document)).toContain('52 more stores are in the table only')
  })
})

describe('the verdict', () => {
  const violation = {
    kind: 'stale read',
    volume: 'monday',
    sector: 77,
    atSeconds: 3.25,
    story: 'wrote 1\nread 0',
  } as const
  const verified = one.verification
  if (verified === null) throw new Error('the sample is verified')

  it('is good where nothing was found', () => {
    expect(blocksOf(runDocument([one]))).toContainEqual({
      kind: 'verdict',
      holds: true,
      text: 'verified: 41,943,040 sectors checked, no violation',
    })
  })

  it('is bad where something was, and every story is told', () => {
    const verification = {
      ...verified,
      violations: [violation],
      moreViolations: 4,
      unchecked: [{ volume: 'friday', reason: 'it overflowed' }],
    }
    const document = runDocument([{ ...one, verification }])
    const blocks = blocksOf(document)
    expect(blocks).toContainEqual({ kind: 'verdict', holds: false, text: '5 violations, 41,943,040 sectors checked' })
    expect(blocks).toContainEqual({
      kind: 'story',
      text: 'stale read: sector 77 of monday, at 3.250 s\nwrote 1\nread 0',
    })
    expect(wordsOf(document)).toContain('Not checked: friday, it overflowed.')
    expect(wordsOf(document)).toContain('4 more violations are not told')
    expect(tableOf(runDocument([one, { ...one, verification }]), 'Runs').rows.map((row) => row[2])).toEqual([
      'verified',
      '5 violations',
    ])
  })
})

describe('the report of several runs', () => {
  const sweep = sampleSweep()
  const document = runDocument(sweep)

  it('names them by letters, and explains them', () => {
    const { rows } = tableOf(document, 'Runs')
    expect(rows.map(([label]) => label).join('')).toBe('ABCDEFGH')
    expect(rows[3]?.slice(1, 2)).toEqual(['randrw 4k, 4 snapshots'])
  })

  it('lays them over each other, and has ratios to the first', () => {
    expect(linesOf(plotOf(document, 'Requests a second, all directions').svg)).toHaveLength(8)
    expect(linesOf(plotOf(document, 'Latency by percentile, write').svg)).toHaveLength(8)
    const { rows } = plotOf(document, 'Requests a second, write').figures
    const ratios = rows.map((row) => Number.parseFloat(row.at(-1) ?? ''))
    expect(ratios[0]).toBe(1)
    expect(ratios.every((ratio, index) => index === 0 || ratio < (ratios[index - 1] ?? 0))).toBe(true)
  })

  it('has curves over the number of snapshots', () => {
    const { figures, readings } = plotOf(document, 'Requests a second by number of snapshots')
    expect(figures.rows.map(([count]) => count)).toEqual(['0', '1', '2', '4', '8', '16', '32', '64'])
    expect(readings.map(({ name }) => name)).toEqual(['read', 'write'])
    const { readings: latencies } = plotOf(document, 'Latency by number of snapshots')
    expect(latencies.map(({ name }) => name)).toEqual(['read p50', 'read p99', 'write p50', 'write p99'])
  })

  it('has none where runs do not differ in it, or targets have no snapshots', () => {
    const titles = (results: readonly LoadResult[]) => plotsOf(runDocument(results)).map(({ title }) => title)
    expect(titles([one, one])).not.toContain('Latency by number of snapshots')
    expect(titles([one, { ...one, snapshotsAtStart: null }])).not.toContain('Latency by number of snapshots')
  })

  it('takes jobs of one group together, and groups one after another', () => {
    const [job] = one.jobs
    if (job === undefined) throw new Error('the sample has a job')
    const twice = { ...one, jobs: [job, job] }
    const inTurn = { ...one, jobs: [job, { ...job, group: 1 }] }
    const { rows } = plotOf(runDocument([one, twice, inTurn]), 'Requests a second, read').figures
    expect(rows.map((row) => row.at(-1))).toEqual(['1 ×', '2 ×', '1 ×'])
  })

  it('has each of them by itself, folded', () => {
    expect(document.sections.filter(({ isFolded }) => isFolded === true)).toHaveLength(8)
  })
})

describe('a page', () => {
  const evil = `</script><script>alert('1')</script><img src=x onerror="alert(2)"> & \u0000`
  const [job] = one.jobs
  const named: LoadResult = {
    ...one,
    title: evil,
    version: evil,
    machine: { ...one.machine, cpu: evil },
    jobs: job === undefined ? [] : [{ ...job, name: evil, target: evil, options: { [evil]: evil }, failure: evil }],
    timeline: [{ atSeconds: 1, endSeconds: 2, text: evil, failure: evil }],
    stores: one.stores.map((store) => ({ ...store, snapshot: evil })),
    verification: {
      sectorsChecked: 1,
      violations: [{ kind: 'lost write', volume: evil, sector: 1, atSeconds: 1, story: evil }],
      moreViolations: 0,
      readToTheEnd: [evil],
      unchecked: [{ volume: evil, reason: evil }],
    },
  }

  it('takes no name for markup', () => {
    for (const page of [[named], [named, named]].map((results) => reportHtml(runDocument(results)))) {
      expect(page.includes('&lt;script&gt;alert(')).toBe(true)
      // Its own scripts: data beside plots, and the crosshair's.
      const scripts = [...page.matchAll(/<script([^>]*)>/g)].map(([, attributes]) => attributes)
      expect(new Set(scripts)).toEqual(new Set([' type="application/json"', '']))
      expect(scripts.filter((attributes) => attributes === '')).toHaveLength(1)
      expect(found(page, /<img|\p{Cc}(?<![\n])/gu)).toEqual([])
    }
  })

  it('loads nothing, and forbids it', () => {
    for (const page of [reportHtml(runDocument([named])), reportHtml(runDocument(sampleSweep()))]) {
      const markup = page.replaceAll('http://www.w3.org/2000/svg', '').replaceAll(/>[^<]*</g, '><')
      expect(found(markup, /https?:|\b(href|src|srcset|action|data)="|<link|<iframe|<object|<embed/g)).toEqual([])
      expect(found(page, /@import|url\(/g)).toEqual([])
      expect(page.includes("default-src 'none'")).toBe(true)
    }
  })

  it('of a run of a day is no larger than of some minutes', () => {
    const day = sampleResult({ seconds: 86_400, step: 1 })
    expect(reportHtml(runDocument([day])).length).toBeLessThan(500_000)
  })

  it('has no place that is no number', () => {
    const broken = {
      ...one,
      series: one.series.map((point, index) => (index % 3 === 0 ? { ...point, seconds: 0 } : point)),
    }
    expect(found(reportHtml(runDocument([broken])), noNumber)).toEqual([])
  })
})
