/** Which blocks are asked for: each once where it is promised, as often as theory says where it is not, and never outside. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Permutation } from '../../../src/load/pattern/permutation.js'
import { RandomWords } from '../../../src/load/pattern/random-words.js'
import { JobRequests, operation, type Region } from '../../../src/load/pattern/requests.js'
import { SkewedBlocks } from '../../../src/load/pattern/skewed.js'
import { jobSpec } from '../../support/load/job-specs.js'
import { drawAll } from '../../support/load/lane-bench.js'

const counts = [1, 2, 3, 4, 5, 15, 16, 17, 63, 64, 65, 255, 256, 257, 1000, 4095, 4096, 4097, 65_537]
const numbersTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index)
const placesOf = (count: number, seed: number): number[] => {
  const order = new Permutation(count, seed)
  return numbersTo(count).map((index) => order.at(index))
}

describe('a permutation', () => {
  it.each(counts)('of %i has each number once', (count) => {
    for (const seed of [0, 1, 0xffffffff]) {
      expect(placesOf(count, seed).toSorted((one, other) => one - other)).toEqual(numbersTo(count))
    }
  })

  it('has numbers of a disk that is large inside its range', () => {
    const count = 2 ** 40 + 3
    const order = new Permutation(count, 7)
    const places = numbersTo(1000).map((index) => order.at(index))
    expect(new Set(places).size).toBe(1000)
    expect(Math.min(...places)).toBeGreaterThanOrEqual(0)
    expect(Math.max(...places)).toBeLessThan(count)
    expect(Math.max(...places)).toBeGreaterThan(count * 0.98)
  })

  it('is another for another seed, and the same for the same', () => {
    expect(placesOf(1000, 1)).toEqual(placesOf(1000, 1))
    const same = placesOf(1000, 1).filter((place, index) => place === placesOf(1000, 2)[index])
    expect(same.length).toBeLessThan(10)
  })

  it('looks random: neighbours lie apart, and every part of it has its share of every part of the range', () => {
    const count = 10_000
    const places = placesOf(count, 3)
    const apart = places.slice(1).map((place, index) => Math.abs(place - (places[index] as number)))
    // Of two random places a third of the range.
    expect(apart.reduce((sum, each) => sum + each, 0) / apart.length / count).toBeCloseTo(1 / 3, 1)
    const cells = new Array(100).fill(0)
    for (const [index, place] of places.entries()) cells[Math.floor(index / 1000) * 10 + Math.floor(place / 1000)]++
    // Chi squared of 81 degrees of freedom; above 133 once in 5000.
    expect(cells.reduce((sum, seen) => sum + (seen - 100) ** 2 / 100, 0)).toBeLessThan(133)
  })
})

/** How often each block came, the most frequent first. */
function frequencies(count: number, draws: number, next: () => number): number[] {
  const seen = new Array(count).fill(0)
  for (let draw = 0; draw < draws; draw++) seen[next()]++
  return seen.toSorted((one, other) => other - one)
}

describe('skewed blocks', () => {
  const draws = 200_000
  const blocks = (count: number, kind: 'zipf' | 'pareto', value: number) =>
    new SkewedBlocks(count, kind === 'zipf' ? { kind, theta: value } : { kind, power: value }, new RandomWords(42), 42)

  it.each([0.5, 0.9, 1.1, 1.2, 2])(
    'zipf:%d: the n-th most frequent comes as often as n to the power of -theta',
    (theta) => {
      const count = 1000
      const skewed = blocks(count, 'zipf', theta)
      const seen = frequencies(count, draws, () => skewed.next())
      const zeta = numbersTo(count).reduce((sum, rank) => sum + (rank + 1) ** -theta, 0)
      const share = (ranks: number): number =>
        numbersTo(ranks).reduce((sum, rank) => sum + (rank + 1) ** -theta, 0) / zeta
      for (const ranks of [1, 2, 10, 100]) {
        const drawn = seen.slice(0, ranks).reduce((sum, each) => sum + each, 0) / draws
        expect(Math.abs(drawn - share(ranks)), `${ranks} ranks`).toBeLessThan(0.03)
      }
    },
  )

  it.each([0.1, 0.2, 0.4])('pareto:%d: this share of the blocks gets the rest of the requests', (power) => {
    const count = 10_000
    const skewed = blocks(count, 'pareto', power)
    const seen = frequencies(count, draws, () => skewed.next())
    const drawn = seen.slice(0, count * power).reduce((sum, each) => sum + each, 0) / draws
    expect(drawn).toBeGreaterThan(1 - power - 0.01)
    expect(drawn).toBeLessThan(1 - power + 0.06)
  })

  it('are inside for any number of blocks', () => {
    for (const count of [1, 2, 3, 5]) {
      for (const skewed of [blocks(count, 'zipf', 1.1), blocks(count, 'zipf', 0.9), blocks(count, 'pareto', 0.2)]) {
        const seen = frequencies(count, 1000, () => skewed.next())
        expect(seen).toHaveLength(count)
        expect(seen.reduce((sum, each) => sum + each, 0)).toBe(1000)
      }
    }
  })

  it('are scattered: the most frequent are no neighbours', () => {
    const skewed = blocks(10_000, 'zipf', 1.2)
    const seen = new Array(10_000).fill(0)
    for (let draw = 0; draw < draws; draw++) seen[skewed.next()]++
    const top = numbersTo(10_000)
      .toSorted((one, other) => seen[other] - seen[one])
      .slice(0, 10)
    expect(Math.max(...top) - Math.min(...top)).toBeGreaterThan(2000)
  })
})

const kib = 1024
const requests = (options: Record<string, string>, region: Region = { start: 0, end: 64 * kib }, clone = 0) =>
  drawAll(new JobRequests(jobSpec(options), region, clone))
const offsets = (all: readonly { readonly offset: number }[]): number[] => all.map(({ offset }) => offset)

describe('the requests of a job', () => {
  it('stay inside, move no more than the region has, and are whole blocks, whatever the job', () => {
    const block = fc.constantFrom(512, 1024, 4096, 65_536)
    const anyJob = fc.record({
      rw: fc.constantFrom('read', 'write', 'trim', 'randread', 'randwrite', 'randtrim', 'rw', 'randrw'),
      bs: fc.tuple(block, block, block),
      isRange: fc.boolean(),
      distribution: fc.constantFrom('random', 'zipf:1.2', 'pareto:0.3'),
      startSector: fc.nat(5000),
      sectors: fc.integer({ min: 128, max: 3000 }),
      seed: fc.nat(2 ** 31),
    })
    fc.assert(
      fc.property(anyJob, ({ bs, distribution, isRange, rw, sectors, seed, startSector }) => {
        const sizes = isRange ? { bsrange: bs.map((bytes) => `${bytes}-${bytes * 2}`).join(',') } : { bs: bs.join(',') }
        const region = { start: startSector * 512, end: (startSector + sectors) * 512 }
        const all = requests({ rw, ...sizes, random_distribution: distribution, randseed: String(seed) }, region)
        let bytes = 0
        for (const { byteLength, offset, what } of all) {
          bytes += byteLength
          const smallest = bs[what] as number
          expect(offset).toBeGreaterThanOrEqual(region.start)
          expect(offset + byteLength).toBeLessThanOrEqual(region.end)
          expect(byteLength).toBeGreaterThan(0)
          expect([(offset - region.start) % 512, byteLength % smallest]).toEqual([0, 0])
        }
        expect(bytes).toBeLessThanOrEqual(region.end - region.start)
        expect(bytes).toBeGreaterThan(region.end - region.start - Math.max(...bs))
      }),
      { numRuns: 300 },
    )
  })

  it.each(['read', 'randread', 'randwrite', 'randrw', 'randtrim'])('%s touches each block once', (rw) => {
    for (const blocks of [1, 2, 3, 16, 17, 100]) {
      const region = { start: 8192, end: 8192 + blocks * 4096 }
      const sorted = offsets(requests({ rw }, region)).toSorted((one, other) => one - other)
      expect(sorted).toEqual(numbersTo(blocks).map((block) => 8192 + block * 4096))
    }
  })

  it('leave alone what is less than a block at the end, as fio does', () => {
    for (const rw of ['write', 'randwrite']) {
      const all = requests({ rw, bs: '4k' }, { start: 0, end: 10 * kib })
      expect(offsets(all).toSorted((one, other) => one - other)).toEqual([0, 4096])
    }
  })

  it('go in sequence, reads and writes each from the start, as with fio', () => {
    const all = requests({ rw: 'rw' })
    expect(all).toHaveLength(16)
    for (const what of [operation.read, operation.write]) {
      const own = offsets(all.filter((request) => request.what === what))
      expect(own).toEqual(numbersTo(own.length).map((index) => index * 4096))
    }
  })

  it('go round as long as there is time, in another order each time', () => {
    const options = { time_based: '', runtime: '1' }
    const around = (rw: string, many: number) =>
      offsets(drawAll(new JobRequests(jobSpec({ rw, ...options }), { start: 0, end: 64 * kib }, 0), many))
    expect(around('read', 33)).toEqual(numbersTo(33).map((index) => (index % 16) * 4096))
    const odd = { start: 0, end: 10 * kib }
    const inOdd = drawAll(new JobRequests(jobSpec({ rw: 'write', ...options }), odd, 0), 5)
    expect(inOdd.map(({ byteLength, offset }) => [offset, byteLength])).toEqual(
      [0, 4096, 0, 4096, 0].map((offset) => [offset, 4096]),
    )
    const [first, second] = [around('randread', 32).slice(0, 16), around('randread', 32).slice(16)]
    expect(first).not.toEqual(second)
    expect(first.toSorted()).toEqual(second.toSorted())
  })

  it('are mixed as asked', () => {
    const all = drawAll(
      new JobRequests(
        jobSpec({ rw: 'randrw', rwmixread: '70', time_based: '', runtime: '1' }),
        { start: 0, end: 2 ** 20 },
        0,
      ),
      20_000,
    )
    expect(all.filter(({ what }) => what === operation.read).length / all.length).toBeCloseTo(0.7, 1)
  })

  it('are of the sizes asked, each as often as the others', () => {
    const all = drawAll(
      new JobRequests(
        jobSpec({ rw: 'randrw', bsrange: '1k-4k,8k-16k', time_based: '', runtime: '1' }),
        { start: 0, end: 2 ** 24 },
        0,
      ),
      30_000,
    )
    const sizes = (what: number): Record<number, number> => {
      const seen: Record<number, number> = {}
      for (const { byteLength, what: its } of all) if (its === what) seen[byteLength] = (seen[byteLength] ?? 0) + 1
      return seen
    }
    expect(Object.keys(sizes(0)).map(Number)).toEqual([1024, 2048, 3072, 4096])
    expect(Object.keys(sizes(1)).map(Number)).toEqual([8192, 16384])
    for (const many of Object.values(sizes(0))) expect(many / 15_000).toBeCloseTo(0.25, 1)
    for (const many of Object.values(sizes(1))) expect(many / 15_000).toBeCloseTo(0.5, 1)
  })

  it('are the same for the same seed, others for another, and others in each clone', () => {
    const order = (seed: string, clone: number) =>
      offsets(requests({ rw: 'randread', randseed: seed }, undefined, clone))
    expect(order('5', 0)).toEqual(order('5', 0))
    expect(order('5', 0)).not.toEqual(order('6', 0))
    expect(order('5', 0)).not.toEqual(order('5', 1))
  })

  it('may repeat where the map is left out', () => {
    const all = offsets(requests({ rw: 'randread', norandommap: '' }, { start: 0, end: 2 ** 20 }))
    expect(all).toHaveLength(256)
    expect(new Set(all).size).toBeLessThan(256)
  })
})
