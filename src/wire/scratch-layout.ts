/**
 * How a worker's own megabyte of the arena is divided: room to copy chunks through, to build metadata in, and a stretch of
 * zeroes. In the arena because I/O goes nowhere else, and so that O_DIRECT finds it aligned.
 */

/** Entries one commit writes at most: a barrier must not wait for ever, and 64 KiB of metadata must fit. */
export const commitGroupMax = 4096

/** Chunks are copied through this much at a time: small enough to stay in a core's cache (512 KiB cost a quarter at 16 KiB chunks). */
export const copyBytes = 128 * 1024
/** A group's entries, and a block on either side that is written whole. */
export const metadataBytes = commitGroupMax * 16 + 8192
export const zeroBytes = 65536

export const scratchBytes = 2 ** 20
