/** What a server says of an export when a client comes in: its size, what it can do, and how it wants its requests. */
import { payloadBytesMax, transmissionFlag } from '../protocol.js'

export interface ExportFacts {
  readonly exportBytes: number
  readonly isReadOnly: boolean
  readonly canFlush: boolean
  readonly canFua: boolean
  readonly canTrim: boolean
  /** Several connections see each other's writes, and a flush of one covers them all. */
  readonly canMultiConn: boolean
  /** Offsets and lengths are multiples of this. */
  readonly minimumBytes: number
  readonly preferredBytes: number
  /** Of one read or write. Trims may be longer. */
  readonly maximumBytes: number
}

export interface BlockSizes {
  readonly minimum: number
  readonly preferred: number
  readonly maximum: number
}

/** What the protocol has a client keep to if the server says nothing. */
const sizesDefault: BlockSizes = { minimum: 512, preferred: 4096, maximum: payloadBytesMax }

export function exportFacts(exportBytes: number, flags: number, sizes: BlockSizes = sizesDefault): ExportFacts {
  const has = (flag: number): boolean => (flags & flag) !== 0
  return {
    exportBytes,
    isReadOnly: has(transmissionFlag.readOnly),
    canFlush: has(transmissionFlag.sendFlush),
    canFua: has(transmissionFlag.sendFua),
    canTrim: has(transmissionFlag.sendTrim),
    canMultiConn: has(transmissionFlag.canMultiConn),
    minimumBytes: sizes.minimum,
    preferredBytes: sizes.preferred,
    // Servers that know no limit say so with all bits set, and end the connection at a limit of their own.
    maximumBytes: Math.min(sizes.maximum, payloadBytesMax),
  }
}
