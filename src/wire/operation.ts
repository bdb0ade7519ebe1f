/**
 * What a submission asks for. Both sides of the ring agree on these numbers; the volume says whether it is an origin or a
 * snapshot.
 */
export const operation = {
  read: 1,
  write: 2,
  flush: 3,
  discard: 4,
  zero: 5,
  /** Steps of a merge, of the origin that is merged into: see workers/merge-steps. */
  mergeGather: 6,
  mergeSave: 7,
  mergeHold: 8,
  mergeCopy: 9,
  mergeCommit: 10,
  mergeLetGo: 11,
  mergeAtOnce: 12,
} as const
export type Operation = (typeof operation)[keyof typeof operation]

/** True of what has bytes in the arena; the others have a range, or nothing. */
export const movesBytes = (asked: number): boolean => asked <= operation.write

export const isMergeStep = (asked: number): boolean => asked >= operation.mergeGather

/** True of what a read-only device refuses. */
export const changesBytes = (asked: number): boolean => asked !== operation.read && asked !== operation.flush

/** Limit: the most bytes one ring entry moves. Longer requests are cut; 1 MiB is where a system call's cost is noise. */
export const extentBytesMax = 2 ** 20

/**
 * Limit: the longest range that one entry discards in an origin without snapshots, where it is one system call; its length
 * fits the ring's 32 bits. With snapshots it is 1 MiB like the rest, but never less than the largest chunk. Cuts are at
 * multiples of either, so that none divides a chunk, which would not count as discarded whole then.
 */
export const discardBytesMax = 2 ** 30

/** Limit: where the system has no holes, a worker writes so many zeroes before it does anything else: tens of milliseconds. */
export const zeroBytesMax = 2 ** 26

/** How much of `left` bytes from `start` on the next extent takes, on a volume that cuts discards at multiples of `discardBytes`. */
export function extentBytes(asked: number, start: number, left: number, discardBytes: number): number {
  if (movesBytes(asked)) return Math.min(extentBytesMax, left)
  if (isMergeStep(asked)) return left
  if (asked === operation.zero) return Math.min(zeroBytesMax, left)
  return Math.min(discardBytes - (start % discardBytes), left)
}
