import { describe, expect, test } from 'vitest'
import { AssertionFailure } from '../../../src/base/assert.js'
import { errno, type FlakeyFaults } from '../../../src/io/block-file.js'
import { ErrorFile, FlakeyFile, ZeroFile } from '../../../src/io/odd-files.js'
import { sharedArena } from '../../support/contract-files.js'
import { memorySubject } from '../../support/stacked-subjects.js'

const sizeBytes = 8192

test('an error file fails everything with EIO but a barrier, and has its size', () => {
  const file = new ErrorFile(sizeBytes)
  const answers = [file.read(), file.write(), file.zero(), file.discard()]
  expect(answers).toEqual([errno.EIO, errno.EIO, errno.EIO, errno.EIO])
  expect(file.barrier()).toBe(0)
  expect(file.sizeBytes()).toBe(sizeBytes)
})

test('a zero file reads zeroes into its range of the arena only, whatever was written', () => {
  const arena = sharedArena(65536).fill(0x55)
  const file = new ZeroFile(sizeBytes, arena)
  expect([file.write(), file.zero(), file.discard(), file.barrier()]).toEqual([0, 0, 0, 0])
  expect(file.read(1024, 1024, 512)).toBe(0)
  expect(arena.indexOf(0)).toBe(1024)
  expect(arena.lastIndexOf(0)).toBe(2047)
  expect(file.sizeBytes()).toBe(sizeBytes)
  expect(() => file.read(65536, 512, 0)).toThrow(AssertionFailure)
})

describe('a flakey file', () => {
  const hour = 3_600_000
  const all = { failReads: true, failWrites: true, dropWrites: false }

  /** On a stretch at 1024 of a file of 0xee. */
  function flakey(faults: FlakeyFaults, times: { startedMs: number; upMs: number; downMs: number }) {
    const below = memorySubject(2 * sizeBytes)
    below.arena.fill(0xee, 0, 2 * sizeBytes)
    below.another().write(0, 2 * sizeBytes, 0)
    below.arena.fill(0x11, 0, 512)
    const file = new FlakeyFile(below.another(), 1024, sizeBytes, times, faults)
    const byteAt = (offset: number) => {
      below.another().read(4096, 512, 1024 + offset)
      return below.arena[4096]
    }
    return { file, byteAt }
  }
  const down = () => ({ startedMs: Date.now(), upMs: 0, downMs: hour })

  test('up, it passes everything on, at its offset', () => {
    const { byteAt, file } = flakey(all, { startedMs: Date.now(), upMs: hour, downMs: hour })
    expect(file.write(0, 512, 512)).toBe(0)
    expect(byteAt(512)).toBe(0x11)
    expect(file.read(8192, 512, 512)).toBe(0)
    expect(file.zero(512, 1024)).toBe(0)
    expect(byteAt(1024)).toBe(0)
    expect(file.discard(512, 1536)).toBe(0)
    expect(byteAt(1536)).toBe(0)
    expect(byteAt(2048)).toBe(0xee)
    expect(file.sizeBytes()).toBe(sizeBytes)
  })

  test.each([
    ['all', all, { read: errno.EIO, write: errno.EIO }],
    ['reads', { failReads: true, failWrites: false, dropWrites: false }, { read: errno.EIO, write: 0 }],
    ['writes', { failReads: false, failWrites: true, dropWrites: false }, { read: 0, write: errno.EIO }],
  ])('down, it fails %s', (_, faults, expected) => {
    const { byteAt, file } = flakey(faults, down())
    expect(file.read(8192, 512, 0)).toBe(expected.read)
    for (const offset of [0, 512, 1024]) expect(byteAt(offset)).toBe(0xee)
    const answers = [file.write(0, 512, 0), file.zero(512, 512), file.discard(512, 1024)]
    expect(answers).toEqual([expected.write, expected.write, expected.write])
    expect([byteAt(0), byteAt(512), byteAt(1024)]).toEqual(expected.write === 0 ? [0x11, 0, 0] : [0xee, 0xee, 0xee])
    expect(file.barrier()).toBe(0)
  })

  test('down, it says that it wrote what it dropped, and reads what was there', () => {
    const { byteAt, file } = flakey({ failReads: false, failWrites: false, dropWrites: true }, down())
    expect([file.write(0, 512, 0), file.zero(512, 512), file.discard(512, 1024)]).toEqual([0, 0, 0])
    expect([byteAt(0), byteAt(512), byteAt(1024)]).toEqual([0xee, 0xee, 0xee])
    expect(file.read(8192, 512, 0)).toBe(0)
  })

  test.each([
    [0.5, 0],
    [1.5, errno.EIO],
    [2.5, errno.EIO],
    [3.5, 0],
    [4.5, errno.EIO],
  ])('up for one hour and down for two, %f hours after its start a read answers %i', (hours, answer) => {
    const times = { startedMs: Date.now() - hours * hour, upMs: hour, downMs: 2 * hour }
    expect(flakey(all, times).file.read(8192, 512, 0)).toBe(answer)
  })
})
