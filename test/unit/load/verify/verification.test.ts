/** What is right is never called wrong, in any order; each way of being wrong has its name, and is told once. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { operation } from '../../../../src/load/pattern/requests.js'
import type { VerificationResult } from '../../../../src/load/result/load-result.js'
import { stampSectors, wordsOf } from '../../../../src/load/verify/sector-stamp.js'
import { CheckedWorld, firstSector, longest, sectorBytes, sectors, slots } from '../../../support/load/checked-world.js'

const told = ({ violations }: VerificationResult) =>
  violations.map(({ kind, sector, volume }) => [kind, volume, sector] as const)

const slot = fc.nat(slots - 1)
const lane = fc.nat(1)
const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      does: fc.constantFrom('write' as const, 'read' as const),
      lane,
      slot,
      sector: fc.integer({ min: firstSector, max: firstSector + sectors - longest }),
      count: fc.integer({ min: 1, max: longest }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ does: fc.constant('do' as const), lane, slot }) },
  { weight: 6, arbitrary: fc.record({ does: fc.constant('answer' as const), lane, slot }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('fail' as const), lane, slot }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('snapshot' as const), slot }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('merge' as const), which: fc.nat(4) }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('look' as const) }) },
)

describe('verification', () => {
  it('calls nothing wrong that a right device can do: writes, reads, failures, snapshots and merges in any order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 80 }), fc.boolean(), async (steps, hasBefore) => {
        const world = await CheckedWorld.make(hasBefore ? noise((firstSector + sectors) * sectorBytes) : undefined)
        const snapshots = [world.written]
        for (const [number, each] of steps.entries()) {
          const of = 'lane' in each ? world.lanes[each.lane] : undefined
          if (each.does === 'write' || each.does === 'read') {
            of?.send(each.slot, operation[each.does], each.sector, each.count)
          } else if (each.does === 'do') of?.do(each.slot)
          else if (each.does === 'answer') of?.answer(each.slot)
          else if (each.does === 'fail') of?.answer(each.slot, true)
          else if (each.does === 'snapshot') {
            const before = (): void => world.lane.do(each.slot)
            const behind = (): void => world.lane.answer((each.slot + 1) % slots)
            snapshots.push(await world.snapshot(`n${number}`, { before, behind }))
          } else if (each.does === 'look') await world.lookAtOneSnapshot()
          else if (each.does === 'merge') {
            const [merged] = snapshots.splice(each.which % Math.max(1, snapshots.length), 1)
            if (merged === undefined) continue
            world.merge(merged)
            if (merged === world.written) world.lanes.length = 1
          }
        }
        const { violations, moreViolations, readToTheEnd } = await world.conclude()
        expect(world.suspicions).toEqual([])
        expect([violations, moreViolations]).toEqual([[], 0])
        expect(readToTheEnd).toHaveLength(snapshots.length + 1)
      }),
      { numRuns: 400 },
    )
  })
})

const noise = (byteLength: number): Uint8Array =>
  Uint8Array.from({ length: byteLength }, (_, index) => (index * 31) % 251)

function stamped(world: CheckedWorld, sector: number, parts: { volume?: number; write: number; runLow?: number }) {
  const { high, low } = world.verification.run
  const bytes = new Uint8Array(sectorBytes)
  stampSectors(wordsOf(bytes), { runLow: low, runHigh: high, volume: 1, job: 0, atMs: 5, ...parts }, sector, 1)
  return bytes
}

/** Sectors 8 to 11 are of write 1, 12 to 15 of write 2; all answered. */
async function written(): Promise<CheckedWorld> {
  const world = await CheckedWorld.make()
  world.lane.write(8, 4)
  world.lane.write(12, 4)
  return world
}

describe('a sector is told as', () => {
  it('lost, when nothing of its write is there', async () => {
    const world = await written()
    for (const sector of [12, 13, 14, 15]) world.origin.sector(sector).fill(0)
    const result = await world.conclude()
    expect(told(result)).toEqual([['lost write', 'origin', 12]])
    expect(result.violations[0]?.story).toContain('write 2: sectors 12–15: 4 of 4 do not have it')
  })

  it('lost, when an earlier write is there', async () => {
    const world = await written()
    const older = world.origin.bytes.slice(12 * sectorBytes, 16 * sectorBytes)
    world.lane.write(12, 4)
    world.origin.bytes.set(older, 12 * sectorBytes)
    const result = await world.conclude()
    expect(told(result)).toEqual([['lost write', 'origin', 12]])
    expect(result.violations[0]?.story).toMatch(/found {5}write 2 of job 'writer' .*; sectors 12–15/)
  })

  it('torn, when a part of its write is there', async () => {
    const world = await written()
    for (const sector of [14, 15]) world.origin.sector(sector).fill(0)
    expect(told(await world.conclude())).toEqual([['torn write', 'origin', 14]])
  })

  it('torn, when it has the head of its write', async () => {
    const world = await written()
    world.origin.sector(14).fill(0, 100)
    const result = await world.conclude()
    expect(told(result)).toEqual([['torn write', 'origin', 14]])
    expect(result.violations[0]?.story).toContain('the head of write 2')
  })

  it('corrupt, when a bit of it is another, and when nobody knows what it is', async () => {
    const world = await written()
    world.origin.sector(9)[100] = (world.origin.sector(9)[100] as number) ^ 1
    world.origin.sector(20).set(noise(sectorBytes))
    expect(told(await world.conclude())).toEqual([
      ['corrupt', 'origin', 9],
      ['corrupt', 'origin', 20],
    ])
  })

  it('misdirected, when its write belongs elsewhere: one story, whichever place was found first', async () => {
    const world = await written()
    world.origin.bytes.set(world.origin.bytes.slice(12 * sectorBytes, 16 * sectorBytes), 8 * sectorBytes)
    for (const sector of [12, 13, 14, 15]) world.origin.sector(sector).fill(0)
    world.lane.read(12, 1)
    const result = await world.conclude()
    expect(told(result)).toEqual([['misdirected', 'origin', 8]])
    expect(result.violations[0]?.story).toContain('write 2: sectors 12–15: 4 of 4 do not have it')
  })

  it('misdirected, also where a write that failed leaves more than one right', async () => {
    const world = await written()
    world.lane.write(16, 1)
    world.lane.send(0, operation.write, 8, 4)
    world.lane.answer(0, true)
    world.origin.sector(8).set(world.origin.sector(16))
    expect(told(await world.conclude())).toEqual([['misdirected', 'origin', 8]])
  })

  it('stale, when it was older once', async () => {
    const world = await written()
    const right = world.origin.sector(13).slice()
    world.origin.sector(13).fill(0)
    world.lane.read(12, 4)
    world.origin.sector(13).set(right)
    const result = await world.conclude()
    expect(told(result)).toEqual([['stale read', 'origin', 13]])
    expect(result.violations[0]?.story).toContain('read once more it is right')
  })

  it('stale, when it was older in the last look only', async () => {
    const world = await written()
    world.origin.once = { sector: 13, bytes: new Uint8Array(sectorBytes) }
    expect(told(await world.conclude())).toEqual([['stale read', 'origin', 13]])
  })

  it('stale with a doubt, when it was overwritten before anyone could look again', async () => {
    const world = await written()
    for (const sector of [12, 13, 14, 15]) world.origin.sector(sector).fill(0)
    world.lane.read(12, 4)
    world.lane.write(12, 4)
    const result = await world.conclude()
    expect(told(result)).toEqual([['stale read', 'origin', 12]])
    expect(result.violations[0]?.story).toContain('the write may have been lost, or only this read stale')
  })

  it('lost, when it was overwritten since and the rest of its write is not there', async () => {
    const world = await written()
    for (const sector of [12, 13, 14, 15]) world.origin.sector(sector).fill(0)
    world.lane.read(12, 4)
    world.lane.write(12, 1)
    expect(told(await world.conclude())).toEqual([['lost write', 'origin', 13]])
  })

  it('foreign, when it is of another volume or another run', async () => {
    const world = await written()
    world.lanes[1]?.write(8, 1)
    world.lane.write(8, 1)
    world.origin.sector(8).set(stamped(world, 8, { volume: 2, write: 4 }))
    world.origin.sector(20).set(stamped(world, 20, { runLow: 1, write: 4 }))
    expect(told(await world.conclude())).toEqual([
      ['foreign', 'origin', 8],
      ['foreign', 'origin', 20],
    ])
  })

  it('changed, when a snapshot has a later write, or what it did not have before', async () => {
    const world = await written()
    const monday = await world.snapshot('monday')
    world.lane.write(8, 4)
    monday.bytes.set(world.origin.bytes.subarray(8 * sectorBytes, 9 * sectorBytes), 8 * sectorBytes)
    const result = await world.conclude()
    expect(told(result)).toEqual([['changed', 'monday', 8]])
    expect(result.violations[0]?.story).toMatch(/expected {2}write 1 .*\n.*found {5}write 3 of volume 'origin'/)
  })

  it.each([
    ['changed', false],
    ['lost write', true],
  ])('%s, when a snapshot has shown otherwise what was in flight as it was taken', async (kind, isDone) => {
    const world = await written()
    const older = world.origin.sector(20).slice()
    world.lane.send(1, operation.write, 20, 1)
    const before = (): void => (isDone ? world.lane.do(1) : undefined)
    const monday = await world.snapshot('monday', { before })
    world.lane.answer(1)
    await world.lookAtOneSnapshot()
    monday.sector(20).set(isDone ? older : world.origin.sector(20))
    expect(told(await world.conclude())).toEqual([[kind, 'monday', 20]])
  })

  it('changed, when a merge has left it', async () => {
    const world = await written()
    const monday = await world.snapshot('monday')
    world.lane.write(8, 4)
    const later = world.origin.sector(9).slice()
    world.merge(monday)
    world.origin.sector(9).set(later)
    const result = await world.conclude()
    expect(told(result)).toEqual([['changed', 'origin', 9]])
    expect(result.violations[0]?.story).toContain("as it was in 'monday', which was merged")
  })
})

describe('stories', () => {
  it('are one for each write, however many lanes have met it', async () => {
    const world = await written()
    for (const sector of [12, 13, 14, 15]) world.origin.sector(sector).fill(0)
    for (const sector of [13, 12, 15]) world.lane.read(sector, 1)
    expect(world.suspicions).toHaveLength(3)
    expect(world.wasStoppedFirst).toBe(true)
    expect(told(await world.conclude())).toEqual([['lost write', 'origin', 12]])
  })

  it('are sixteen at most, and the others are counted', async () => {
    const world = await CheckedWorld.make()
    for (let sector = 8; sector < 24; sector++) world.lane.write(sector, 1)
    const monday = await world.snapshot('monday')
    world.origin.bytes.fill(0)
    monday.bytes.fill(0)
    const { moreViolations, violations } = await world.conclude()
    expect([violations.length, moreViolations]).toEqual([16, 16])
  })

  it('are told of a volume that cannot be read any more, and of a snapshot that is gone', async () => {
    const world = await written()
    const monday = await world.snapshot('monday')
    monday.sector(8).fill(0)
    await world.lookAtOneSnapshot()
    world.verification.forget('monday')
    world.origin.sector(12).fill(0)
    world.lane.read(12, 1)
    world.origin.failure = 'the cable is out'
    const result = await world.conclude()
    expect(told(result)).toEqual([
      ['stale read', 'monday', 8],
      ['stale read', 'origin', 12],
    ])
    expect(result.violations[0]?.story).toContain('could not be read once more: it was merged or removed')
    expect(result.violations[1]?.story).toContain('could not be read once more: the cable is out')
    expect(result.unchecked).toEqual([{ volume: 'origin', reason: 'the cable is out' }])
    expect(result.readToTheEnd).toEqual(['s0'])
  })
})

describe('a read that overlaps a write in flight', () => {
  it('may have half a sector of each, and of nothing else', async () => {
    const world = await written()
    const old = world.origin.sector(12).slice()
    world.lane.send(1, operation.write, 12, 1)
    world.lane.send(2, operation.read, 12, 1)
    world.lane.do(1)
    world.origin.sector(12).set(old.subarray(200), 200)
    world.lane.answer(2)
    expect(world.suspicions).toEqual([])
    world.lane.send(2, operation.read, 12, 1)
    world.origin.sector(12).set(world.origin.sector(8))
    world.lane.answer(2)
    expect(world.suspicions).toHaveLength(1)
    world.lane.send(2, operation.read, 12, 1)
    world.origin.sector(12).set(stamped(world, 12, { runLow: 1, write: 2 }))
    world.lane.answer(2)
    expect(world.suspicions).toHaveLength(2)
  })

  it('is judged as any other when the write was answered before', async () => {
    const world = await written()
    world.origin.sector(12).fill(0, 200)
    world.lane.read(12, 1)
    expect(world.suspicions).toHaveLength(1)
  })
})
