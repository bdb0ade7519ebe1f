/** Bugs that are planted in a device, and the one story that is told of each. */
import { writeFileSync } from 'node:fs'
import { afterAll, describe, expect, it } from 'vitest'
import { type CheckedLoad, LoadFolder } from '../support/load/checked-load.js'
import type { FaultReport } from '../support/load/planted-fault.js'

const folder = new LoadFolder()
afterAll(() => folder.close())

const mebibyte = 2 ** 20

/** Runs a load against a server with this fault. */
async function find(
  fault: string,
  bytes: number,
  ...words: string[]
): Promise<CheckedLoad & { planted: FaultReport[] }> {
  const { reports, uri } = await folder.faultyServer(bytes, fault)
  const run = await folder.load('--target', uri, '--verify', 'sectors', ...words)
  // What the server has said last may still be on its way.
  for (let tries = 0; tries < 50 && reports.length < run.verification.violations.length; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  return { ...run, planted: reports }
}

const everyBlockOnce = ['--rw', 'randwrite', '--bs', '4k', '--iodepth', '32']
const mixed = ['--rw', 'randrw', '--bs', '4k', '--iodepth', '32', '--time_based', '--runtime']

/** One story, about what the server says it has done. */
function expectTold({ code, planted, verification }: Awaited<ReturnType<typeof find>>, kind: string): string {
  expect(planted).toHaveLength(1)
  const [{ sector, write } = { sector: -1, write: -1 }] = planted
  expect(verification.violations.map((violation) => [violation.kind, violation.sector])).toEqual([[kind, sector]])
  expect(verification.moreViolations).toBe(0)
  expect(code).toBe(1)
  const { story = '' } = verification.violations[0] ?? {}
  expect(story).toContain(`write ${write}`)
  return story
}

const extent = ({ planted: [report] }: { planted: FaultReport[] }): string =>
  report === undefined ? '' : `sectors ${report.firstSector}–${report.firstSector + report.sectorCount - 1}`

describe('a device that', () => {
  it('does everything right: nothing is told, and the run succeeds', async () => {
    const { code, verification } = await find(
      'none',
      8 * mebibyte,
      ...mixed,
      '2',
      '--numjobs',
      '2',
      '--bsrange',
      '512-64k',
    )
    expect(verification).toMatchObject({ violations: [], moreViolations: 0, unchecked: [] })
    expect(verification.sectorsChecked).toBeGreaterThan(16_384)
    expect(code).toBe(0)
  })

  it('drops one write in 100,000: it is told as lost, whoever has the same sector to read', async () => {
    const run = await find('drop:100000', 64 * mebibyte, '--rw', 'randwrite', '--bs', '512', '--iodepth', '32')
    expect(expectTold(run, 'lost write')).toContain(': 1 of 1 do not have it')
    expect(run.planted[0]).toMatchObject({ write: 100_000 })
  })

  it('drops writes while they are read and written again: the run ends with the first that is read', async () => {
    const { code, planted, result, verification } = await find('drop:5000', 16 * mebibyte, ...mixed, '30')
    expect(code).toBe(1)
    expect(result.elapsedSeconds).toBeLessThan(30)
    const told = verification.violations.map(({ kind, sector }) => [kind, sector])
    expect(told.length).toBeGreaterThan(0)
    for (const [kind, sector] of told) {
      expect(kind).toBe('lost write')
      expect(planted.map((report) => report.sector)).toContain(sector)
    }
  })

  it('gives one stale sector: the write that it should have had, and the one that it had', async () => {
    const run = await find('stale:3000', 8 * mebibyte, ...mixed, '20')
    const story = expectTold(run, 'stale read')
    expect(story).toContain('read once more it is right')
    expect(story).toMatch(/found {5}write \d+ of job 'load'|found {5}zeroes/)
  })

  it('does the first sectors of a write only', async () => {
    const run = await find('tear:1500:3', 8 * mebibyte, ...everyBlockOnce)
    expect(expectTold(run, 'torn write')).toContain(`${extent(run)}: 5 of 8 do not have it`)
  })

  it('tears a write within a sector', async () => {
    const run = await find('tear:1500:3.5', 8 * mebibyte, ...everyBlockOnce)
    expect(expectTold(run, 'torn write')).toContain('from byte 256 of the sector on')
  })

  it('puts a write elsewhere: one story of both places', async () => {
    const run = await find('misdirect:2040:1048576', 8 * mebibyte, ...everyBlockOnce)
    const story = expectTold(run, 'misdirected')
    expect(story).toContain(extent(run))
    expect(story).toContain('8 of 8 do not have it')
  })

  it.each([2, 33, 200, 510])('flips a bit of byte %i of a sector that is read', async (byte) => {
    const run = await find(`flip:3000:${byte}`, 8 * mebibyte, ...mixed, '20')
    const story = expectTold(run, 'corrupt')
    expect(story).toContain(`bit 2 of byte ${byte}`)
    expect(story).toContain('read once more it is right')
  })

  it('does a write after a later one: the later one is lost', async () => {
    const jobs = folder.at('twice.fio')
    const job = 'rw=randwrite\nbs=4k\niodepth=8\n'
    writeFileSync(jobs, `[one]\n${job}[two]\nstonewall\nrandseed=2\n${job}`)
    const run = await find('late:500', 4 * mebibyte, jobs)
    const story = expectTold(run, 'lost write')
    expect(story).toContain("found     write 500 of job 'one'")
    expect(story).toContain("of job 'two'")
  })

  it('answers a write with an error and does half of it: that is no violation', async () => {
    const { code, planted, result, verification } = await find('fail:1500', 8 * mebibyte, ...everyBlockOnce)
    expect(planted).toHaveLength(1)
    expect(verification.violations).toEqual([])
    expect(result.jobs[0]?.failure).toContain('a write of 4096 bytes')
    expect(code).toBe(1)
  })
})
