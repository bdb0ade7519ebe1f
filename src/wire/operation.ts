/**
 * What a submission asks for. Both sides of the ring agree on these numbers; the volume says whether it is an origin or a
 * snapshot.
 */
export const operation = { read: 1, write: 2, flush: 3 } as const
export type Operation = (typeof operation)[keyof typeof operation]

/** Limit: the largest extent one ring entry carries. Longer requests are cut; 1 MiB is where a system call's cost is noise. */
export const extentBytesMax = 2 ** 20
