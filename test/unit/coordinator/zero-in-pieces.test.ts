import { describe, expect, test } from 'vitest'
import { zeroInPieces } from '../../../src/coordinator/zero-in-pieces.js'

const mebibyte = 2 ** 20
const gibibyte = 2 ** 30
type Range = readonly [start: number, end: number]

/** A volume that zeroes in place where `inPlace` says so, and takes writes one loop of the event loop later. */
function volume(inPlace: (start: number) => boolean, fails: (start: number) => boolean = () => false) {
  const zeroed: Range[] = []
  const written: Range[] = []
  let inFlight = 0
  let inFlightMax = 0
  const run = (start: number, end: number) =>
    zeroInPieces(
      start,
      end,
      async (at, byteLength) => {
        if (inPlace(at)) zeroed.push([at, at + byteLength])
        return inPlace(at)
      },
      async (at, bytes) => {
        expect(bytes.every((byte) => byte === 0)).toBe(true)
        inFlightMax = Math.max(inFlightMax, ++inFlight)
        await new Promise((resolve) => setImmediate(resolve))
        inFlight--
        if (fails(at)) throw new Error(`no write at ${at}`)
        written.push([at, at + bytes.byteLength])
      },
    )
  return { run, zeroed, written, inFlight: () => inFlight, inFlightMax: () => inFlightMax }
}

/** The ranges in order, those that adjoin joined. */
function joined(ranges: readonly Range[]): Range[] {
  const whole: [number, number][] = []
  for (const [start, end] of [...ranges].sort(([a], [b]) => a - b)) {
    const last = whole.at(-1)
    if (last !== undefined && last[1] === start) last[1] = end
    else whole.push([start, end])
  }
  return whole
}

describe('zeroes in pieces', () => {
  test('are zeroed in place a gigabyte at a time, with cuts at whole gigabytes', async () => {
    const { run, written, zeroed } = volume(() => true)
    await run(512, 2 * gibibyte + 512)
    expect(zeroed).toEqual([
      [512, gibibyte],
      [gibibyte, 2 * gibibyte],
      [2 * gibibyte, 2 * gibibyte + 512],
    ])
    expect(written).toEqual([])
  })

  test('are written only in the gigabytes that cannot be zeroed in place', async () => {
    const end = gibibyte + 3 * mebibyte
    const { run, written, zeroed } = volume((at) => at < gibibyte)
    await run(gibibyte - mebibyte, end)
    expect(zeroed).toEqual([[gibibyte - mebibyte, gibibyte]])
    expect(joined(written)).toEqual([[gibibyte, end]])
  })

  test('are written once each, a megabyte at most, with cuts at whole megabytes', async () => {
    const { run, written } = volume(() => false)
    await run(512, 20 * mebibyte + 1024)
    expect(joined(written)).toEqual([[512, 20 * mebibyte + 1024]])
    expect(written).toHaveLength(21)
    expect(written.every(([start, end]) => end - start <= mebibyte)).toBe(true)
    expect(written.slice(1).every(([start]) => start % mebibyte === 0)).toBe(true)
  })

  test('keep a few writes in flight, however long the range is', async () => {
    const { inFlightMax, run } = volume(() => false)
    await run(0, 100 * mebibyte)
    expect(inFlightMax()).toBe(8)
  })

  test('that fail stop, and nothing is in flight any more when they reject', async () => {
    const { inFlight, run, written } = volume(
      () => false,
      (at) => at === 2 * mebibyte,
    )
    await expect(run(0, 100 * mebibyte)).rejects.toThrow(`no write at ${2 * mebibyte}`)
    expect(inFlight()).toBe(0)
    expect(written.length).toBeLessThan(16)
  })
})
