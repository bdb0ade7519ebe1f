/** What maps and stripes do when a file below fails. */
import { expect, test } from 'vitest'
import { type BlockFile, errno } from '../../../src/io/block-file.js'
import { blockFileFrom } from '../../../src/io/make-block-file.js'
import { MapFile } from '../../../src/io/map-file.js'
import { ErrorFile } from '../../../src/io/odd-files.js'
import { StripeFile } from '../../../src/io/stripe-file.js'
import { countStripeFailure, stripeFailures, stripeFailuresBytes } from '../../../src/shm/stripe-failures.js'
import { sharedArena } from '../../support/contract-files.js'
import { memorySubject } from '../../support/stacked-subjects.js'

const arena = sharedArena(8 << 20)
const part = (start: number, byteLength: number, file: BlockFile) => ({ start, byteLength, file, fileOffset: 0 })

/** Answers what it is told to; counts its calls. */
class Telling extends ErrorFile {
  readonly #answer: number
  calls = 0

  constructor(answer: number) {
    super(4096)
    this.#answer = answer
  }

  override discard(): number {
    this.calls++
    return this.#answer
  }

  override barrier(): number {
    this.calls++
    return this.#answer
  }
}

test('a map answers with the first failure; the parts before it are done, those after it are not touched', () => {
  const below = memorySubject(8192, arena).another()
  const after = { start: 5120, byteLength: 512, file: below, fileOffset: 1024 }
  const map = new MapFile([part(0, 1024, below), part(1024, 4096, new ErrorFile(4096)), after])
  arena.fill(0x77, 0, 8192)
  expect(map.write(0, 5632, 0)).toBe(errno.EIO)
  expect(below.read(0, 1536, 0)).toBe(0)
  expect(arena.indexOf(0)).toBe(1024)
  expect(map.read(0, 512, 512)).toBe(0)
  expect(map.read(0, 1024, 512)).toBe(errno.EIO)
  expect(map.zero(512, 2048)).toBe(errno.EIO)
})

test('a barrier of a map is passed to each file once, also after one failed, and answers with the first failure', () => {
  const files = [new Telling(0), new Telling(errno.ENOSPC), new Telling(errno.EIO)] as const
  const map = new MapFile([...files, files[0]].map((file, index) => part(index * 512, 512, file)))
  expect(map.barrier()).toBe(errno.ENOSPC)
  expect(files.map(({ calls }) => calls)).toEqual([1, 1, 1])
})

test('a discard of a map is a discard below, not zeroes', () => {
  const below = new Telling(errno.EOPNOTSUPP)
  expect(new MapFile([part(0, 4096, below)]).discard(512, 0)).toBe(errno.EOPNOTSUPP)
  expect(below.calls).toBe(1)
})

test('a barrier of stripes is passed to every column, and those that fail are told', () => {
  const files = [new Telling(errno.EIO), new Telling(0), new Telling(errno.ENOSPC)]
  const failed: number[] = []
  const columns = files.map((file) => ({ file, fileOffset: 0 }))
  expect(new StripeFile(columns, 512, 4096, (column) => failed.push(column)).barrier()).toBe(errno.EIO)
  expect(files.map(({ calls }) => calls)).toEqual([1, 1, 1])
  expect(failed[0]).toBe(0)
})

test('stripes tell which column failed, each time it does', () => {
  const failed: number[] = []
  const columns = [memorySubject(4096, arena).another(), new ErrorFile(4096), memorySubject(4096, arena).another()]
  const file = new StripeFile(
    columns.map((each) => ({ file: each, fileOffset: 0 })),
    1024,
    9216,
    (column) => failed.push(column),
  )
  expect(file.read(0, 1024, 0)).toBe(0)
  expect(failed).toEqual([])
  expect([file.read(0, 512, 1024), file.write(0, 3072, 0), file.zero(512, 1536), file.discard(512, 4096)]).toEqual([
    errno.EIO,
    errno.EIO,
    errno.EIO,
    errno.EIO,
  ])
  expect(failed).toEqual([1, 1, 1, 1])
  expect(file.write(0, 1024, 2048)).toBe(0)
  expect(failed).toHaveLength(4)
})

test('a column that takes no discards has not failed', () => {
  const failed: number[] = []
  const columns = [{ file: new Telling(errno.EOPNOTSUPP), fileOffset: 0 }]
  const file = new StripeFile(columns, 512, 4096, (column) => failed.push(column))
  expect(file.discard(512, 0)).toBe(errno.EOPNOTSUPP)
  expect(failed).toEqual([])
})

test('failures are counted for each column; the first fourteen also raise an event', () => {
  const failures = new SharedArrayBuffer(stripeFailuresBytes(3))
  const raised = Array.from({ length: 20 }, () => countStripeFailure(failures, 1))
  expect(raised).toEqual([...new Array(14).fill(true), ...new Array(6).fill(false)])
  expect([0, 1, 2].map((column) => stripeFailures(failures, column))).toEqual([0, 20, 0])
  expect(countStripeFailure(failures, 2)).toBe(true)
})

test('one open file that several parts of a descriptor name becomes one BlockFile: its barrier is one', () => {
  const bytes = new SharedArrayBuffer(4096)
  const memory = { kind: 'memory', bytes, byteOffset: 0, sizeBytes: 4096 } as const
  const volume = { kind: 'volume', sizeBytes: 4096, volume: 7 } as const
  const below = new Telling(0)
  let asked = 0
  const file = blockFileFrom(
    {
      kind: 'map',
      sizeBytes: 1536,
      parts: [volume, memory, volume].map((each, index) => ({
        start: index * 512,
        byteLength: 512,
        file: each,
        fileOffset: 0,
      })),
    },
    arena,
    {
      volume: () => {
        asked++
        return below
      },
      stripeFailed: () => {},
    },
  )
  expect(file.barrier()).toBe(0)
  expect([asked, below.calls]).toEqual([1, 1])
})

test('a descriptor of stripes counts failures in its own memory', () => {
  const failures = new SharedArrayBuffer(stripeFailuresBytes(2))
  const told: [SharedArrayBuffer, number][] = []
  const columns = [
    { file: { kind: 'zero', sizeBytes: 4096 } as const, fileOffset: 0 },
    { file: { kind: 'error', sizeBytes: 4096 } as const, fileOffset: 0 },
  ]
  const file = blockFileFrom({ kind: 'stripes', sizeBytes: 8192, chunkBytes: 512, columns, failures }, arena, {
    volume: () => new ErrorFile(0),
    stripeFailed: (memory, column) => told.push([memory, column]),
  })
  expect(file.read(0, 1024, 0)).toBe(errno.EIO)
  expect(told).toEqual([[failures, 1]])
})
