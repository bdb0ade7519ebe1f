/**
 * The recordings of discards, replayed on a stepped engine: a snapshot that takes discards can only be had by a table line,
 * and what a worker does with them is below that.
 */
import { describe, expect, test } from 'vitest'
import type { Discards } from '../../src/wire/control-message.js'
import { compareCow } from '../support/compare-cow.js'
import { md5 } from '../support/digest.js'
import { decodeRuns, patternBytes } from '../support/pattern.js'
import { type Recorded, type RequestRecord, readRecording } from '../support/recording.js'
import { SteppedEngine, type SteppedSnapshotOptions } from '../support/stepped-engine.js'
import { imageBytes, recordingPath } from './recordings-folder.js'

const sectors = 16384
const cowSectors = 8192
const chunkSectors = 16
const volumeOf = (device: string) => (device === 'base' ? 0 : 1)
/** The engine's codes for the answers in these recordings. */
const codes: Record<string, string> = { ok: 'OK', EOPNOTSUPP: 'NOT_SUPPORTED' }

function prepared(kind: NonNullable<SteppedSnapshotOptions['kind']>, discards: Discards) {
  const engine = new SteppedEngine({ originBytes: sectors * 512 })
  engine.origin.bytes.set(patternBytes(0, sectors, 0))
  const snapshot = engine.snapshot({ kind, chunkSectors, chunks: cowSectors / chunkSectors, discards })
  // As `cowinit` leaves it, and then the making of the store: header and first area.
  snapshot.cow.bytes.fill(0xa5, kind === 'N' ? 4096 : 2 * chunkSectors * 512)
  return { engine, snapshot }
}

function carryOut(engine: SteppedEngine, { dev, len, off, op, salt = 0 }: RequestRecord) {
  const volume = volumeOf(dev)
  const [at, byteLength] = [off * 512, len * 512]
  const write = (bytes: Uint8Array) => engine.write(0, volume, at, bytes)
  const settled = (request: ReturnType<SteppedEngine['read']>) => {
    engine.settle()
    return request
  }
  if (op === 'd') return settled(engine.discard(0, volume, at, byteLength))
  if (op === 'r') return settled(engine.read(0, volume, at, byteLength))
  if (op === 'w') return settled(write(patternBytes(off, len, salt)))
  if (op !== 'zo') throw new Error(`no request ${op} in these recordings`)
  const zeroed = settled(engine.zero(0, volume, at, byteLength))
  return zeroed.outcome === 'NOT_SUPPORTED' ? settled(write(new Uint8Array(byteLength))) : zeroed
}

/** What is recorded of one device until its COW is dumped; afterwards it has another table. */
const untilDump = (records: readonly Recorded[]) => records.slice(0, records.findIndex(({ t }) => t === 'cow') + 1)

describe('discards come to what they came to in the kernel', () => {
  test.each([
    ['f_discard_none', 'P', 'refused'],
    ['f_discard_zeroes_P', 'P', 'zeroes'],
    ['f_discard_zeroes_PO', 'PO', 'zeroes'],
    ['f_discard_zeroes_N', 'N', 'zeroes'],
  ] as const)('%s', (name, kind, discards) => {
    const { engine, snapshot } = prepared(kind, discards)
    const content = (device: string) => {
      const read = engine.read(0, volumeOf(device), 0, sectors * 512)
      engine.settle()
      return read.bytes
    }
    let checked = 0
    for (const [index, record] of untilDump(readRecording(recordingPath(name))).entries()) {
      const where = `record ${index}`
      if (record.t === 'io') {
        const request = carryOut(engine, record)
        expect(request.outcome, where).toBe(codes[record.res])
        if (record.md5 !== undefined) expect(md5(request.bytes), where).toBe(record.md5)
      } else if (record.t === 'state' && record.md5 !== undefined) {
        expect(md5(content(record.name)), where).toBe(record.md5)
      } else if (record.t === 'runs') {
        expect(decodeRuns(content(record.name)), where).toEqual(record.runs)
      } else if (record.t === 'cow') {
        expect(compareCow(imageBytes(record.file), snapshot.cow.bytes, undefined), where).toEqual([])
      } else {
        continue
      }
      checked++
    }
    expect(checked).toBeGreaterThan(40)
  })
})
