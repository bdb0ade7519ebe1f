/** `cowring report`: which files it takes, and what it leaves behind. */
import { execFileSync, spawn } from 'node:child_process'
import {
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { cowringProgram } from '../../src/cli/program.js'
import { writeReport } from '../../src/load/html/write-report.js'
import { parseResult } from '../../src/load/result/read-result.js'
import { sampleResult } from '../support/report/sample-results.js'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cowring-report-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const inFolder = (name: string): string => join(folder, name)

async function report(...files: readonly string[]): Promise<number> {
  let code = -1
  const program = cowringProgram((ended) => {
    code = ended
  })
  await program.parseAsync(['node', 'cowring', 'report', ...files.map(inFolder), '--html', inFolder('out.html')])
  return code
}

const write = (name: string, value: unknown): void =>
  writeFileSync(inFolder(name), typeof value === 'string' ? value : JSON.stringify(value))

const one = sampleResult({ seconds: 10 })

describe('cowring report', () => {
  it('takes a bare result, and one in the JSON of fio', async () => {
    write('bare.json', one)
    write('fio.json', { 'fio version': 'cowring', jobs: [], cowring: { ...one, title: 'the other' } })
    expect(await report('bare.json', 'fio.json')).toBe(0)
    const page = readFileSync(inFolder('out.html'), 'utf8')
    expect(page).toMatch(/^<!doctype html>/)
    expect(page).toContain('2 runs compared')
    expect(page).toContain('the other')
    expect(readdirSync(folder).sort()).toEqual(['bare.json', 'fio.json', 'out.html'])
  })

  const refused: Readonly<Record<string, readonly [content: unknown, fault: string]>> = {
    'what is no JSON': ['one line\nand another', 'is no JSON'],
    'half a file': ['{"format": "cowr', 'is no JSON'],
    'nothing at all': ['', 'is no JSON'],
    "fio's own JSON": [{ 'fio version': 'fio-3.33', jobs: [] }, "is no result of 'cowring load'"],
    'another format': [{ ...one, format: 'cowring-load-9' }, 'its format is "cowring-load-9"'],
    'a list': [[one], "is no result of 'cowring load'"],
    'null in its place': [{ cowring: null }, "is no result of 'cowring load'"],
    'a result without its series': [{ ...one, series: undefined }, 'is damaged: series is missing, not a list'],
    'a result with a text for a number': [
      { cowring: { ...one, jobs: [{ ...one.jobs[0], depth: '16' }] } },
      'is damaged: jobs[0].depth is a string, not a number',
    ],
    'a result with half a bucket': [
      {
        ...one,
        jobs: one.jobs.map((job) => ({
          ...job,
          directions: {
            ...job.directions,
            trim: { ...job.directions.trim, latency: { ...job.directions.trim.latency, buckets: [[1]] } },
          },
        })),
      },
      'is damaged: jobs[0].directions.trim.latency.buckets[0] is a list, not a value and a count',
    ],
  }
  for (const [name, [content, fault]] of Object.entries(refused)) {
    it(`refuses ${name}, says where, and leaves what was there`, async () => {
      write('good.json', one)
      write('bad.json', content)
      write('out.html', 'as before')
      const failure = await report('good.json', 'bad.json').then(
        () => '',
        (error: Error & { code: string }) => `${error.code} ${error.message}`,
      )
      expect(failure).toContain(`INVALID_ARGUMENT ${inFolder('bad.json')} `)
      expect(failure).toContain(fault)
      expect(failure).toContain("; give a JSON file that 'cowring load")
      expect(failure).not.toContain('\n')
      expect(readFileSync(inFolder('out.html'), 'utf8')).toBe('as before')
      expect(readdirSync(folder)).toHaveLength(3)
    })
  }

  it('names a file that is not there', async () => {
    await expect(report('absent.json')).rejects.toThrow(/absent\.json cannot be read \(ENOENT.*give a JSON file/)
    expect(readdirSync(folder)).toEqual([])
  })

  it('wants a file to write', async () => {
    const program = cowringProgram(() => {}).configureOutput({ writeErr: () => {}, outputError: () => {} })
    const [command] = program.commands.filter((each) => each.name() === 'report')
    command?.configureOutput({ writeErr: () => {}, outputError: () => {} })
    await expect(program.parseAsync(['node', 'cowring', 'report', 'x.json'])).rejects.toThrow(/--html/)
  })
})

describe('a report that is written', () => {
  it('takes the place of an old one, through a link, too', async () => {
    write('real.html', 'old')
    symlinkSync('real.html', inFolder('link.html'))
    await writeReport(inFolder('link.html'), [one])
    expect(readlinkSync(inFolder('link.html'))).toBe('real.html')
    expect(readFileSync(inFolder('real.html'), 'utf8')).toMatch(/^<!doctype html>/)
  })

  it('goes through a pipe, and does not replace it', async () => {
    // In a folder of its own: where this is broken, no other file must suffer.
    const pipe = inFolder('pipe.html')
    execFileSync('mkfifo', [pipe])
    const reader = spawn('cat', [pipe], { stdio: ['ignore', 'pipe', 'ignore'] })
    try {
      const read = text(reader.stdout)
      await writeReport(pipe, [one])
      expect(lstatSync(pipe).isFIFO()).toBe(true)
      expect((await read).startsWith('<!doctype html>')).toBe(true)
      expect(readdirSync(folder)).toEqual(['pipe.html'])
    } finally {
      reader.kill('SIGKILL')
    }
  })

  it('may have as long a name as any file, and leaves nothing when it has a longer one', async () => {
    await writeReport(inFolder('x'.repeat(255)), [one])
    await expect(writeReport(inFolder('x'.repeat(256)), [one])).rejects.toThrow(/ENAMETOOLONG/)
    expect(readdirSync(folder)).toEqual(['x'.repeat(255)])
  })

  it('leaves nothing where it cannot be', async () => {
    await expect(writeReport(inFolder('no/where.html'), [one])).rejects.toThrow(
      /no\/where\.html cannot be written \(ENOENT.*name a place/,
    )
    expect(readdirSync(folder)).toEqual([])
  })
})

describe('a result that is read', () => {
  it('is the one that was written', () => {
    expect(parseResult(JSON.stringify(one), 'x')).toEqual(one)
    const untested = { ...one, verification: null, snapshotsAtStart: null }
    expect(parseResult(JSON.stringify(untested), 'x')).toEqual(untested)
  })
})
