/**
 * The numbers of the NBD protocol, under the names of the NBD project's doc/proto.md in lower camel case.
 *
 * Numbers only: what they mean is there, what is spoken of it is in docs/nbd.md. Everything on the wire is big-endian.
 */

/** The first eight bytes of a server: "NBDMAGIC". */
export const initialMagic = 0x4e42_444d_4147_4943n

/** The next eight, and the first of every option: "IHAVEOPT". */
export const optionMagic = 0x4948_4156_454f_5054n

/** Before each reply to an option. */
export const optionReplyMagic = 0x0003_e889_0455_65a9n

/** Before a request, a request with extended headers, and the three kinds of answers. */
export const requestMagic = 0x2560_9513
export const extendedRequestMagic = 0x21e4_1c71
export const simpleReplyMagic = 0x6744_6698
export const structuredReplyMagic = 0x668e_33ef
export const extendedReplyMagic = 0x6e8a_278c

/** Lengths of the headers of the transmission phase, in bytes. */
export const requestBytes = 28
export const extendedRequestBytes = 32
export const simpleReplyBytes = 16
export const structuredReplyBytes = 20
export const extendedReplyBytes = 32

/** What the server says of itself in its greeting (16 bits), and what the client answers (32 bits). */
export const handshakeFlag = { fixedNewstyle: 1 << 0, noZeroes: 1 << 1 } as const

export const option = {
  exportName: 1,
  abort: 2,
  list: 3,
  peekExport: 4,
  starttls: 5,
  info: 6,
  go: 7,
  structuredReply: 8,
  listMetaContext: 9,
  setMetaContext: 10,
  extendedHeaders: 11,
} as const

/** Replies to options. Errors have the highest bit set. */
export const reply = {
  ack: 1,
  server: 2,
  info: 3,
  metaContext: 4,
  errUnsup: 0x8000_0001,
  errPolicy: 0x8000_0002,
  errInvalid: 0x8000_0003,
  errPlatform: 0x8000_0004,
  errTlsReqd: 0x8000_0005,
  errUnknown: 0x8000_0006,
  errShutdown: 0x8000_0007,
  errBlockSizeReqd: 0x8000_0008,
  errTooBig: 0x8000_0009,
  errExtHeaderReqd: 0x8000_000a,
} as const

/** The kinds of information in a reply to INFO and GO. */
export const info = { export: 0, name: 1, description: 2, blockSize: 3 } as const

export const transmissionFlag = {
  hasFlags: 1 << 0,
  readOnly: 1 << 1,
  sendFlush: 1 << 2,
  sendFua: 1 << 3,
  rotational: 1 << 4,
  sendTrim: 1 << 5,
  sendWriteZeroes: 1 << 6,
  sendDf: 1 << 7,
  canMultiConn: 1 << 8,
  sendResize: 1 << 9,
  sendCache: 1 << 10,
  sendFastZero: 1 << 11,
  blockStatusPayload: 1 << 12,
} as const

export const command = {
  read: 0,
  write: 1,
  disc: 2,
  flush: 3,
  trim: 4,
  cache: 5,
  writeZeroes: 6,
  blockStatus: 7,
  resize: 8,
} as const

export const commandFlag = {
  fua: 1 << 0,
  noHole: 1 << 1,
  df: 1 << 2,
  reqOne: 1 << 3,
  fastZero: 1 << 4,
  payloadLen: 1 << 5,
} as const

/** The flags of a structured reply's chunk. */
export const replyFlag = { done: 1 << 0 } as const

/** The types of chunks. Errors have bit 15 set. */
export const replyType = {
  none: 0,
  offsetData: 1,
  offsetHole: 2,
  blockStatus: 5,
  blockStatusExt: 6,
  error: 0x8001,
  errorOffset: 0x8002,
} as const

/** Errors of requests: Linux's numbers, whatever the system. */
export const nbdError = {
  ok: 0,
  perm: 1,
  io: 5,
  nomem: 12,
  inval: 22,
  nospc: 28,
  overflow: 75,
  notsup: 95,
  shutdown: 108,
} as const

/** The flags that a block status carries, by context. */
export const baseAllocation = { hole: 1 << 0, zero: 1 << 1 } as const
export const dirtyBitmap = { dirty: 1 << 0 } as const

/** Bytes of a string: a name, a description, a context. The protocol's own limit. */
export const stringBytesMax = 4096

/**
 * Bytes of one READ or WRITE. 32 MiB is what the protocol has clients count on where nothing else was said, what
 * the kernel's client and qemu never exceed, and what one connection's part of the arena can hold.
 */
export const payloadBytesMax = 32 * 1024 * 1024

/** The smallest request: any byte. What is less than a sector is served by reading and writing the sectors around it. */
export const minimumBlockBytes = 1

/** The names of meta contexts are QEMU's, so that its tools need not be told of ours. */
export const contextName = {
  baseAllocation: 'base:allocation',
  allocationDepth: 'qemu:allocation-depth',
  dirtyBitmapPrefix: 'qemu:dirty-bitmap:',
} as const
