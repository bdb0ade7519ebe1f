/** Which cases there are: those with a target, the usual ones beside them, and all of them. */
import { caseName, type GridCase, isFirstWrite, type Target, type Work } from './grid-case.js'

const kib = 1024
const mib = kib * kib

/** Where the targets hold: two workers, 64 requests in flight, memory files, the page cache as durability. */
export const usual: Omit<GridCase, 'work'> = {
  snapshots: 1,
  chunkBytes: 16 * kib,
  ioBytes: 4 * kib,
  order: 'random',
  workers: 2,
  depth: 64,
  store: 'P',
  durability: 'process-crash',
  place: 'tmpfs',
  buffers: 'arena',
  calls: 'async',
}

const chunkSizes = [4 * kib, 16 * kib, 64 * kib]
export const allChunkSizes = [...chunkSizes, mib]
export const sequential = { ioBytes: mib, order: 'sequential' } as const
export const durable = { durability: 'power-loss', place: 'disk' } as const
export const transient = { store: 'N', durability: 'none' } as const

const atLeast = (value: number): Target => ({ kind: 'ratio-at-least', value })
/** Median latency at the caller, less the median of the same system calls without an engine. */
const addedLatency: Target = { kind: 'below', value: 25, unit: 'µs' }

export const make = (work: Work, changes: Partial<GridCase> = {}): GridCase => {
  const grid = { ...usual, work, ...changes }
  if (grid.order === 'sequential') return grid
  if (work === 'snapshot-first-write-whole') return { ...grid, ioBytes: grid.chunkBytes }
  // A partial write leaves some of the chunk to the copy, whatever the chunk size.
  if (work === 'snapshot-first-write-partial') return { ...grid, ioBytes: Math.min(4 * kib, grid.chunkBytes / 2) }
  return grid
}

/** The table of targets, in its order. */
export function targetCases(): GridCase[] {
  const firstWrites = (changes: Partial<GridCase>) =>
    chunkSizes.map((chunkBytes) => make('origin-first-write', { chunkBytes, target: atLeast(0.8), ...changes }))
  return [
    ...firstWrites({}),
    make('origin-rewrite', { target: atLeast(0.7) }),
    make('snapshot-rewrite', { target: atLeast(0.7) }),
    make('origin-read', { target: atLeast(0.45) }),
    make('snapshot-read-store', { target: atLeast(0.45) }),
    make('snapshot-read-origin', { target: atLeast(0.45) }),
    make('origin-read', { ...sequential, target: atLeast(0.9) }),
    make('origin-rewrite', { ...sequential, target: atLeast(0.9) }),
    ...firstWrites(durable),
    ...depthOneWorks.map((work) => make(work, { depth: 1, target: addedLatency })),
    ...inPlaceCases(),
  ]
}

/** Synchronous requests, beside the floor on one thread, one at a time. */
function inPlaceCases(): GridCase[] {
  const alone = { calls: 'in-place', workers: 1, depth: 1 } as const
  const steady = ['origin-read', 'snapshot-read-store', 'origin-rewrite', 'snapshot-rewrite'] as const
  return [
    ...steady.map((work) => make(work, { ...alone, target: atLeast(0.8) })),
    make('origin-first-write', { ...alone, chunkBytes: 4 * kib, target: atLeast(0.85) }),
    make('origin-first-write', { ...alone, target: atLeast(0.85) }),
    make('origin-read', { ...alone, buffers: 'staged' }),
  ]
}

/** The same grid through mapped devices: at most five hundredths slower than through `engine.open`. */
export function mappedCases(): GridCase[] {
  return targetCases()
    .filter(({ depth, durability }) => depth > 1 && durability === 'process-crash')
    .map((grid) => ({ ...grid, target: atLeast(0.95) }))
}

const depthOneWorks: readonly Work[] = [
  'origin-read',
  'origin-rewrite',
  'origin-first-write',
  'snapshot-read-store',
  'snapshot-rewrite',
]

/** What the targets leave out, without the product of everything with everything. */
export function usualCases(): GridCase[] {
  return [
    ...[2, 4, 8].map((snapshots) => make('origin-first-write', { snapshots })),
    ...chunkSizes.map((chunkBytes) => make('snapshot-first-write-partial', { chunkBytes })),
    ...chunkSizes.map((chunkBytes) => make('snapshot-first-write-whole', { chunkBytes })),
    make('snapshot-read-store', sequential),
    make('snapshot-rewrite', sequential),
    make('origin-read', { workers: 1 }),
    make('origin-rewrite', { workers: 1 }),
    make('origin-first-write', { workers: 1 }),
    make('origin-read', { buffers: 'staged' }),
    make('origin-rewrite', { buffers: 'staged' }),
    make('origin-first-write', { buffers: 'staged' }),
    make('origin-read', { ...sequential, buffers: 'staged' }),
  ]
}

/** Everything that is not in the lists above. */
export function remainingCases(): GridCase[] {
  return withoutRepeated(product(), [...targetCases(), ...usualCases()])
}

/** Each case once, and none that is among `others`. */
export function withoutRepeated(cases: readonly GridCase[], others: readonly GridCase[] = []): GridCase[] {
  const seen = new Set(others.map(caseName))
  return cases.filter((grid) => {
    const name = caseName(grid)
    if (seen.has(name)) return false
    seen.add(name)
    return true
  })
}

export const rawWorks: readonly Work[] = ['raw-read', 'raw-write']
/** `breaking`: each operation finds chunks without an exception. The last one covers whole chunks, so that nothing is read. */
export const breakingWorks: readonly Work[] = [
  'origin-first-write',
  'snapshot-first-write-partial',
  'snapshot-first-write-whole',
]
/** What finds everything `already broken`, and what reads. */
export const steadyWorks: readonly Work[] = [
  'origin-read',
  'origin-rewrite',
  'snapshot-read-store',
  'snapshot-read-origin',
  'snapshot-rewrite',
]

/** All dimensions with each other: work, order, depth, workers, chunk, store; and what first writes have besides. */
function product(): GridCase[] {
  const cases: GridCase[] = []
  for (const workers of [1, 2]) {
    for (const depth of [1, 64]) {
      for (const order of [{}, sequential]) {
        for (const work of rawWorks) cases.push(make(work, { workers, depth, ...order }))
        for (const chunkBytes of allChunkSizes) {
          const where = { chunkBytes, workers, depth, ...order }
          for (const work of [...breakingWorks, ...steadyWorks]) cases.push(...inEachStore(work, where))
        }
      }
      for (const snapshots of [2, 4, 8]) cases.push(make('origin-first-write', { workers, depth, snapshots }))
    }
  }
  return withoutRepeated(cases)
}

function inEachStore(work: Work, where: Partial<GridCase>): GridCase[] {
  // A part of a chunk is nothing that is written in order: whoever goes on writes the rest next.
  if (work === 'snapshot-first-write-partial' && where.order === 'sequential') return []
  const kept = [make(work, where), make(work, { ...where, ...transient })]
  if (!isFirstWrite(work)) return kept
  return [...kept, make(work, { ...where, store: 'PO' }), make(work, { ...where, ...durable })]
}
