/**
 * How a connection uses its seat's part of the arena.
 *
 *   0                      zeroBytes      + sectorScratchBytes        + receiveBytes               connectionBufferBytes
 *   | zeroes, never written | two sectors  | what the client has sent | what is to be sent          |
 */

/**
 * Asked for in `engine.share`. With what the seat adds it is 5 MiB of the arena for a connection, touched only as far as clients
 * use it; a power of two there, since the arena has no other blocks.
 */
export const connectionBufferBytes = 3 << 20

/** The source of zeroes that must be written as bytes. One write of it is worth its system call, and it stays in a cache. */
export const zeroBytes = 64 << 10

/** The first and the last sector of a write that is not whole sectors; a page, so that what follows begins at one. */
export const sectorScratchBytes = 4096

/** The largest write that is taken whole is 1 MiB, and its header. Longer ones are taken in pieces. */
export const receiveBytes = (1 << 20) + 4096

/** A batch ends when its replies would not fit; longer reads are sent in pieces. */
export const sendBytes = connectionBufferBytes - zeroBytes - sectorScratchBytes - receiveBytes
