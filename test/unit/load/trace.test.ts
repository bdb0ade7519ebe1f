/** Recordings: what is written is read again, also if some of it is missing. */
import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { replayedJobs } from '../../../src/load/trace/replayed-jobs.js'
import { type TraceBatch, TraceColumns } from '../../../src/load/trace/trace-columns.js'
import { readTrace, TraceWriter } from '../../../src/load/trace/trace-file.js'

const folder = mkdtempSync(join(tmpdir(), 'cowring-trace-'))
const path = join(folder, 'trace')
afterAll(() => rmSync(folder, { recursive: true }))

interface Recorded {
  readonly what: number
  readonly sector: number
  readonly sectors: number
  /** Microseconds. */
  readonly due: number
  readonly latency: number
  readonly errno: number
}

const head = {
  version: '1',
  startedAt: '2026-01-02T03:04:05.000Z',
  jobs: [
    { name: 'one', options: { target: 'file:disk', rw: 'randrw', stonewall: '' }, lanes: [0, 1], depth: 4 },
    { name: 'two', options: { target: 'file:disk' }, lanes: [2], depth: 1 },
  ],
}

function batchesOf(lane: number, requests: readonly Recorded[]): TraceBatch[] {
  const batches: TraceBatch[] = []
  const columns = new TraceColumns(lane, (batch) => batches.push(batch))
  for (const { due, errno, latency, sector, sectors, what } of requests)
    columns.add(what, sector * 512, sectors * 512, due / 1000, latency / 1000, errno)
  columns.flush()
  columns.flush()
  return batches
}

async function write(batches: readonly TraceBatch[]): Promise<void> {
  const writer = await TraceWriter.create(path)
  writer.begin(head)
  for (const batch of batches) writer.add(batch)
  await writer.end()
}

const read = (sector: number, due: number): Recorded => ({ what: 0, sector, sectors: 8, due, latency: 5, errno: 0 })
const many = (count: number): Recorded[] => Array.from({ length: count }, (_, index) => read(index * 8, index * 10))
const as = { speed: 1, target: undefined, verifies: false }

describe('a recording', () => {
  it('is read as it was written', async () => {
    const request = fc.record({
      what: fc.integer({ min: 0, max: 3 }),
      sector: fc.oneof(fc.nat(1000), fc.integer({ min: 2 ** 31, max: 2 ** 33 }), fc.integer({ min: 0, max: 2 ** 43 })),
      sectors: fc.nat(65_536),
      due: fc.nat(2 ** 31 - 1),
      latency: fc.nat(2 ** 22),
      errno: fc.oneof(fc.constant(0), fc.nat(133)),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(request, { maxLength: 50 }), fc.nat(5), async (requests, lane) => {
        const batches = batchesOf(lane, requests)
        await write(batches)
        const trace = await readTrace(path)
        expect(trace.isWhole).toBe(true)
        expect(trace.head).toEqual({ magic: 'cowring-trace-1', ...head })
        const again = trace.batches.flatMap((batch) =>
          Array.from(batch.operations, (what, at) => ({
            lane: batch.lane,
            what,
            sector: (batch.offsets[at] as number) / 512,
            sectors: (batch.lengths[at] as number) / 512,
            due: Math.round((batch.dueMs[at] as number) * 1000),
            latency: Math.round((batch.latencyMs[at] as number) * 1000),
            errno: batch.errnos[at],
          })),
        )
        expect(again).toEqual(requests.map((each) => ({ lane, ...each })))
      }),
      { numRuns: 100 },
    )
  })

  it('comes in batches, and takes some 20 bytes a request', async () => {
    const batches = batchesOf(0, many(20_000))
    expect(batches.map(({ operations }) => operations.length)).toEqual([8192, 8192, 3616])
    await write(batches)
    expect(statSync(path).size / 20_000).toBeLessThan(20)
  })

  it('that was cut off is read as far as it goes, wherever that is', async () => {
    await write(batchesOf(0, many(20_000)))
    const { size } = statSync(path)
    const whole = readFileSync(path)
    let most = 0
    for (const share of [0.01, 0.3, 0.5, 0.7, 0.99, 1]) {
      writeFileSync(path, whole)
      truncateSync(path, Math.min(size - 1, Math.floor(size * share)))
      const trace = await readTrace(path)
      expect(trace.isWhole).toBe(false)
      expect(trace.batches.length).toBeGreaterThanOrEqual(most)
      most = trace.batches.length
      for (const { dueMs } of trace.batches) expect(dueMs[1]).toBeGreaterThan(dueMs[0] as number)
    }
    expect(most).toBe(3)
  })

  it('is nothing else', async () => {
    const seeded = Uint8Array.from({ length: 5000 }, (_, index) => (index * 7919 + 13) % 251)
    for (const content of [
      '',
      'hello',
      '{"magic":"cowring-trace-1"}',
      seeded,
      Buffer.alloc(5000),
      // An extension that there is not.
      Buffer.of(0xd4, 5, 0),
      Buffer.alloc(5000, 255),
    ]) {
      writeFileSync(path, content)
      await expect(readTrace(path)).rejects.toThrow(`${path} is no recording of cowring load`)
    }
    await expect(readTrace(join(folder, 'missing'))).rejects.toThrow('ENOENT')
    await expect(readTrace(folder)).rejects.toThrow('EISDIR')
    await expect(TraceWriter.create(join(folder, 'no', 'trace'))).rejects.toThrow('ENOENT')
  })
})

describe('the jobs of a replay', () => {
  it('have the requests of each lane, in the order in which they were due', async () => {
    const [first, second, third] = [
      batchesOf(0, [read(8, 30), read(0, 10)]),
      batchesOf(1, many(3)),
      batchesOf(2, many(1)),
    ]
    await write([...second, ...first, ...third])
    const [one, two] = replayedJobs(await readTrace(path), path, { ...as, speed: 2 })
    expect(one?.recorded?.map(({ offsets }) => [...offsets])).toEqual([
      [0, 4096],
      [0, 4096, 8192],
    ])
    expect(one?.recorded?.[0]).toMatchObject({ lane: 0, depth: 4, speed: 2, dueMs: Float64Array.of(0.01, 0.03) })
    expect(one?.spec).toMatchObject({ name: 'one', clones: 2, depth: 4, isOpenLoop: true, waitsForOthers: false })
    expect(one?.spec).toMatchObject({ target: 'file:disk', size: { bytes: 12_288 }, readShare: 1, trims: false })
    expect(two?.spec).toMatchObject({ name: 'two', clones: 1, size: { bytes: 4096 } })
  })

  it('go elsewhere, and as fast as possible, if that is asked for', async () => {
    await write(batchesOf(0, [{ ...read(0, 0), what: 1 }]))
    const [job] = replayedJobs(await readTrace(path), path, {
      speed: Number.POSITIVE_INFINITY,
      target: 'cowring:other',
      verifies: true,
    })
    expect(job?.spec).toMatchObject({ target: 'cowring:other', isOpenLoop: false, isVerified: true, readShare: 0 })
  })

  it('are those that have requests; a recording of none is refused', async () => {
    await write(batchesOf(0, many(1)))
    expect(replayedJobs(await readTrace(path), path, as).map(({ spec }) => spec.name)).toEqual(['one'])
    await write([])
    const empty = await readTrace(path)
    expect(() => replayedJobs(empty, path, as)).toThrow(`${path} has no requests`)
  })
})
