/**
 * How a connection uses its seat's part of the arena.
 *
 *   0                      zeroBytes      + sectorScratchBytes        + receiveBytes               connectionBufferBytes
 *   | zeroes, never written | two sectors  | what the client has sent | what is to be sent          |
 */

/** Asked for in `engine.share`. Limit: 48 seats of it are 192 MiB of the arena, touched only as far as clients use it. */
export const connectionBufferBytes = 4 << 20

/** The source of zeroes that must be written as bytes. One write of it is worth its system call, and it stays in a cache. */
export const zeroBytes = 64 << 10

/** The first and the last sector of a write that is not whole sectors; a page, so that what follows begins at one. */
export const sectorScratchBytes = 4096

/**
 * The largest write that is taken whole: 2 MiB (what qemu-img sends) and its header. Longer ones are taken in pieces.
 */
export const receiveBytes = (2 << 20) + 4096

/** A batch ends when its replies would not fit; longer reads are sent in pieces. */
export const sendBytes = connectionBufferBytes - zeroBytes - sectorScratchBytes - receiveBytes
