/** Which cases there are: those with a target, the usual ones beside them, and all of them. */
import { caseName, type GridCase, type Target, type Work } from './grid-case.js'

const kib = 1024
const mib = kib * kib

/** Where the targets hold: two workers, 64 requests in flight, memory files, the page cache as durability. */
const usual: Omit<GridCase, 'work'> = {
  snapshots: 1,
  chunkBytes: 16 * kib,
  ioBytes: 4 * kib,
  order: 'random',
  workers: 2,
  depth: 64,
  durability: 'process-crash',
  place: 'tmpfs',
  buffers: 'arena',
  calls: 'async',
}

const chunkSizes = [4 * kib, 16 * kib, 64 * kib]
const sequential = { ioBytes: mib, order: 'sequential' } as const
const durable = { durability: 'power-loss', place: 'disk' } as const

const atLeast = (value: number): Target => ({ kind: 'ratio-at-least', value })
/** Median latency at the caller, less the median of the same system calls without an engine. */
const addedLatency: Target = { kind: 'below', value: 25, unit: 'µs' }

const make = (work: Work, changes: Partial<GridCase> = {}): GridCase => {
  const grid = { ...usual, work, ...changes }
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

/** Everything that is not in the two lists above. */
export function remainingCases(): GridCase[] {
  const seen = new Set([...targetCases(), ...usualCases()].map(caseName))
  return product().filter((grid) => {
    const name = caseName(grid)
    if (seen.has(name)) return false
    seen.add(name)
    return true
  })
}

const firstWriteWorks: readonly Work[] = ['snapshot-first-write-partial', 'snapshot-first-write-whole']
const steadyWorks: readonly Work[] = [
  'origin-read',
  'origin-rewrite',
  'snapshot-read-store',
  'snapshot-read-origin',
  'snapshot-rewrite',
]

function product(): GridCase[] {
  const cases: GridCase[] = []
  for (const chunkBytes of chunkSizes) {
    for (const workers of [1, 2]) {
      for (const depth of [1, 64]) {
        const where = { chunkBytes, workers, depth }
        for (const snapshots of [1, 2, 4, 8]) cases.push(make('origin-first-write', { ...where, snapshots }))
        for (const work of firstWriteWorks) cases.push(make(work, where), make(work, { ...where, ...durable }))
        for (const work of steadyWorks) cases.push(make(work, where), make(work, { ...where, ...sequential }))
        cases.push(make('origin-first-write', { ...where, ...durable }))
      }
    }
  }
  return cases
}
