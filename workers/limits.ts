/** Limits of a turn, each with its reason. */

/** Ring entries one turn takes at most: beyond this a batch gains little and the first of it waits longer. */
export const batchMax = 64
/** Copies one plan holds before it is carried out. */
export const jobCapacity = 4096
export const readCapacity = 1024
