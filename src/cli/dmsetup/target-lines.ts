/** The lines of `table` and `status` taken apart: `START LENGTH TYPE PARAMETERS`. */

export interface TargetLine {
  readonly start: number
  readonly length: number
  readonly type: string
  readonly params: string
}

/** The targets of a text of the mapper; none of an empty one. */
export function targetLines(text: string): readonly TargetLine[] {
  return text.split('\n').flatMap((line) => {
    const [, start, length, type, params] = /^(\d+) (\d+) (\S+) ?(.*)$/.exec(line) ?? []
    if (type === undefined) return []
    return [{ start: Number(start), length: Number(length), type, params: params ?? '' }]
  })
}

/** A target without parameters keeps the space behind its type, as the kernel prints it. */
export const targetText = ({ start, length, type, params }: TargetLine): string =>
  `${start} ${length} ${type} ${params}`

export type SnapshotStatus =
  | {
      readonly state: 'valid'
      readonly allocatedSectors: number
      readonly totalSectors: number
      readonly metadataSectors: number
    }
  | { readonly state: 'invalid' | 'overflow' | 'merge-failed' | 'unknown' }

const states = { Invalid: 'invalid', Overflow: 'overflow', 'Merge failed': 'merge-failed' } as const

/** What the status of a snapshot says; `undefined` for other targets. */
export function snapshotStatus({ type, params }: TargetLine): SnapshotStatus | undefined {
  if (type !== 'snapshot' && type !== 'snapshot-merge') return undefined
  const [, allocated, total, metadata] = /^(\d+)\/(\d+) (\d+)$/.exec(params) ?? []
  if (allocated !== undefined) {
    return {
      state: 'valid',
      allocatedSectors: Number(allocated),
      totalSectors: Number(total),
      metadataSectors: Number(metadata),
    }
  }
  const named = Object.entries(states).find(([text]) => text === params)
  return { state: named?.[1] ?? 'unknown' }
}
