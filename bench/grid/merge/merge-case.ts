/** One case of the merge section: how the exceptions lie, and what goes on beside the merge. */
import type { Target } from '../grid-case.js'

/** In which order the exceptions of a store are for chunks of the origin; both files are all chunks of it. */
export type Arrangement = 'random' | 'half-contiguous' | 'contiguous'

interface AnyMerge {
  readonly arrangement: Arrangement
  readonly chunkBytes: number
  readonly durability: 'process-crash' | 'power-loss'
  readonly workers: number
}

/** Nobody else uses the origin. The figure is bytes a second, beside a plain loop over the same ranges. */
export interface IdleMerge extends AnyMerge {
  readonly kind: 'idle'
  readonly target: Target
}

/** The origin is read and written at random meanwhile. The figures are latencies, beside those without a merge. */
export interface ForegroundMerge extends AnyMerge {
  readonly kind: 'foreground'
  /** `latency-target`: of twice the 99th percentile without a merge. */
  readonly limit: 'unlimited' | 'latency-target'
  readonly ioBytes: number
  readonly depth: number
  readonly readShare: number
  /** Of the ratio of the 99th percentiles, where there is one to reach. */
  readonly target: Target | undefined
}

export type MergeCase = IdleMerge | ForegroundMerge

const kib = 1024
const arrangements: readonly Arrangement[] = ['random', 'half-contiguous', 'contiguous']
const chunkSizes = [4 * kib, 16 * kib, 64 * kib]

const idle = (arrangement: Arrangement, chunkBytes: number, durability: IdleMerge['durability']): IdleMerge => ({
  kind: 'idle',
  arrangement,
  chunkBytes,
  durability,
  workers: 2,
  target: { kind: 'ratio-at-least', value: 0.7 },
})

const foreground = (limit: ForegroundMerge['limit']): ForegroundMerge => ({
  kind: 'foreground',
  arrangement: 'random',
  chunkBytes: 16 * kib,
  durability: 'process-crash',
  workers: 2,
  limit,
  ioBytes: 4 * kib,
  depth: 8,
  readShare: 0.7,
  target: limit === 'latency-target' ? { kind: 'ratio-at-most', value: 2.5 } : undefined,
})

/** Barriers in memory cost next to nothing, so one row for each arrangement shows what `power-loss` adds. */
export function mergeCases(): MergeCase[] {
  return [
    ...arrangements.flatMap((arrangement) => chunkSizes.map((bytes) => idle(arrangement, bytes, 'process-crash'))),
    ...arrangements.map((arrangement) => idle(arrangement, 16 * kib, 'power-loss')),
    foreground('unlimited'),
    foreground('latency-target'),
  ]
}

/** Stable: what `--case` matches and what a record in a file is found by. */
export function mergeCaseName(merge: MergeCase): string {
  const { arrangement, chunkBytes, durability, kind } = merge
  const parts = ['merge', kind, arrangement, `chunk-${chunkBytes / kib}k`]
  if (kind === 'idle') parts.push(durability)
  else parts.push(`depth-${merge.depth}`, merge.limit)
  return parts.join('/')
}
