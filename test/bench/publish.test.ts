/** What is published is what was measured: the documents follow from the records that are kept, and leave nothing out. */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { make, sequential } from '../../bench/grid/case-list.js'
import { curvePrefix } from '../../bench/grid/curve/curve-cases.js'
import { describeMachine } from '../../bench/grid/machine.js'
import type { Comparison } from '../../bench/grid/measure.js'
import { type Outcome, type OutcomeRecord, outcomeOf, outcomeOfFigure } from '../../bench/grid/outcome.js'
import { generatedPart } from '../../bench/publish/benchmark-document.js'
import { htmlReport } from '../../bench/publish/html-report.js'
import { beginMarker, endMarker, withGeneratedPart } from '../../bench/publish/markers.js'
import { leftOverPlots, publish, publishedFiles, recordsName } from '../../bench/publish/published-files.js'
import { readRecords } from '../../bench/publish/records.js'

const docs = new URL('../../docs/', import.meta.url).pathname

const comparison = (change: Partial<Comparison> = {}): Comparison => ({
  floor: 200_000,
  engine: 150_000,
  ratio: 0.75,
  spread: 0.03,
  othersShare: 0.01,
  rounds: 5,
  rivals: [],
  ...change,
})
const target = { kind: 'ratio-at-least', value: 0.8 } as const
const fioLacks = { name: 'fio psync', value: null, ratio: null, spread: null, missing: 'fio is not installed' }
const qemu = { name: 'qemu copy-before-write, stacked', value: 50_000, ratio: 3, spread: 0.1, missing: null }
const single = { unit: 'ms', spread: 0.1, rounds: 9, floor: { value: 2, ratio: 4 }, value: 8 }

const outcomes: readonly Outcome[] = [
  outcomeOf(make('origin-first-write', { target }), comparison()),
  outcomeOf(make('origin-read', { ...sequential, target }), comparison({ ratio: 0.9, othersShare: 0.2 })),
  outcomeOf(make('origin-read', { depth: 1 }), comparison({ floor: 2, engine: 9 })),
  outcomeOf(make('raw-read'), comparison({ engine: null, ratio: null, rivals: [fioLacks] })),
  outcomeOf(make('origin-first-write', { snapshots: 0 }), comparison(), 'curve', curvePrefix),
  outcomeOf(make('origin-first-write', { snapshots: 64 }), comparison({ ratio: 0.5 }), 'curve', curvePrefix),
  {
    ...outcomeOf(make('origin-first-write'), comparison({ ratio: null, rivals: [qemu] }), 'served-curve', 'served-'),
    floor: null,
    parameters: { work: 'first-write', snapshots: 1 },
  },
  outcomeOfFigure({ ...single, name: 'activation/100-exceptions', parameters: { exceptions: 100 } }, 'activation'),
  outcomeOfFigure({ ...single, name: 'creation/origin-1t/present-0/tmpfs', parameters: { present: 0 } }, 'creation'),
  {
    ...outcomeOfFigure({ ...single, name: 'merge/idle/random', parameters: { kind: 'idle' } }, 'merge'),
    unit: 'MiB/s',
  },
  outcomeOfFigure({ name: 'map-memory/dense', parameters: {}, unit: 'B', spread: 0, rounds: 3, value: 6 }),
]

const machine = {
  ...describeMachine('/', '/', { fio: 'fio-9.9', nbdkit: 'not installed' }),
  startedAt: '2020-02-03T04:05',
}
const records: readonly OutcomeRecord[] = outcomes.map((outcome) => ({
  ...outcome,
  machine,
  command: 'npm run bench -- --published',
}))

describe('docs/benchmarks.md', () => {
  it('is what the kept records make of it, and so are its plots: if not, npm run bench:publish', () => {
    const files = publishedFiles(docs)
    for (const [name, content] of files) expect(readFileSync(join(docs, name), 'utf8'), name).toBe(content)
    expect(leftOverPlots(docs, files)).toEqual([])
  })
})

describe('the generated part', () => {
  const text = generatedPart(records, 'benchmarks')

  it('says the command, the date and the machine, rivals with their versions', () => {
    expect(text).toContain('| command | `npm run bench -- --published` |')
    expect(text).toContain('| date | 2020-02-03 |')
    expect(text).toContain(machine.processor)
    expect(text).toContain('| fio | fio-9.9 |')
    expect(text).toContain('| nbdkit | not installed |')
  })

  it('has a row for every record', () => {
    const rows = text.split('\n').filter((line) => line.startsWith('|') && !line.startsWith('| ---'))
    const chapters = text.split('\n').filter((line) => line.startsWith('## ')).length
    const facts = 5 + Object.keys(machine.programs).length
    // Each table has a line of titles.
    expect(rows).toHaveLength(records.length + chapters + facts)
  })

  it('keeps missed targets in sight, at the top and in their rows', () => {
    expect(text).toContain('1 of 2 targets reached. Missed:')
    expect(text).toMatch(/^- origin-first-write\/chunk-16k\S*: 0\.750, not ≥ 0\.80$/m)
    expect(text).toMatch(/^\| origin \| write, breaking \|.*≥ 0\.80 MISSED/m)
  })

  it('says which rows were disturbed', () => {
    expect(text).toMatch(/so these say nothing:\n\n- origin-read\/sequential/)
    expect(text).toContain('≥ 0.80 reached, disturbed')
  })

  it('names who was not measured, and sets ours beside who was', () => {
    expect(text).toContain('fio psync: not measured, fio is not installed')
    expect(text).toContain('qemu copy-before-write, stacked 50,000 /s (ours is 3.00 × that, spread 10 %)')
  })

  it('has no figure before there is a record', () => {
    expect(generatedPart([], 'benchmarks')).toBe('No run has been published yet.')
  })

  it('is all that is replaced', () => {
    const document = `before\n${beginMarker}\nold\n${endMarker}\nafter\n`
    expect(withGeneratedPart(document, 'new\n')).toBe(`before\n${beginMarker}\n\nnew\n\n${endMarker}\nafter\n`)
    expect(() => withGeneratedPart('no markers', 'new')).toThrow('lacks the lines')
  })
})

describe('publishing', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'cowring-publish-'))
    mkdirSync(join(folder, 'benchmarks'))
    cpSync(join(docs, 'benchmarks.md'), join(folder, 'benchmarks.md'))
    writeFileSync(join(folder, recordsName), records.map((record) => `${JSON.stringify(record)}\n`).join(''))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  it('writes every plot that the document shows, and removes those it no longer shows', () => {
    writeFileSync(join(folder, 'benchmarks', 'of-old.svg'), '')
    publish(folder)
    const shown = [...readFileSync(join(folder, 'benchmarks.md'), 'utf8').matchAll(/\((benchmarks\/\S+\.svg)\)/g)]
    expect(shown.length).toBeGreaterThan(8)
    for (const [, name = ''] of shown) expect(readFileSync(join(folder, name), 'utf8')).toMatch(/<svg .*<\/svg>/s)
    expect(existsSync(join(folder, 'benchmarks', 'of-old.svg'))).toBe(false)
  })

  it('notices a document that has been changed by hand', () => {
    publish(folder)
    const path = join(folder, 'benchmarks.md')
    const made = readFileSync(path, 'utf8')
    writeFileSync(path, made.replace('0.750, not', '0.850, not'))
    expect(publishedFiles(folder).get('benchmarks.md')).toBe(made)
    expect(readFileSync(path, 'utf8')).not.toBe(made)
  })

  it('refuses a file that holds something else', () => {
    writeFileSync(join(folder, recordsName), '{"case": "mine"}\n')
    expect(() => readRecords(join(folder, recordsName))).toThrow('results.jsonl:1 is no record')
  })
})

describe('the page', () => {
  it('has all chapters, with plots and what was missed', () => {
    const page = htmlReport(records)
    for (const title of ['The grid', 'The curve over snapshots', 'Merges', 'Activation', 'Creation']) {
      expect(page).toContain(`<h2>${title}</h2>`)
    }
    expect(page.match(/<svg /g)?.length).toBeGreaterThan(8)
    expect(page).toMatch(/Missed:.*origin-first-write\/chunk-16k\S*: 0\.750, not/s)
  })
})
