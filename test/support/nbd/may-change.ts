/**
 * What a stream of requests may change, worked out from its bytes alone: the protocol's rules written a second time.
 *
 * May: requests of one connection are carried out in any order, and a connection that ends takes what is in flight with it.
 * So each byte of the image is the old one or that of any valid request that covers it.
 */
import { command, commandFlag } from '../../../src/nbd/protocol.js'

export interface Change {
  readonly offset: number
  readonly length: number
  /** Zeroes if there are none. */
  readonly bytes: Buffer | undefined
}

const compactMagic = 0x25609513
const extendedMagic = 0x21e41c71
const { fastZero, fua, noHole, payloadLen } = commandFlag
const payloadBytesMax = 2 ** 25

/** `sizeBytes`: of the device; nothing beyond it may change. */
export function mayChange(stream: Buffer, isExtended: boolean, sizeBytes: number): readonly Change[] {
  const changes: Change[] = []
  const headerBytes = isExtended ? 32 : 28
  for (let at = 0; at + headerBytes <= stream.length; ) {
    if (stream.readUInt32BE(at) !== (isExtended ? extendedMagic : compactMagic)) break
    const flags = stream.readUInt16BE(at + 4)
    const type = stream.readUInt16BE(at + 6)
    const offset = Number(stream.readBigUInt64BE(at + 16))
    const length = isExtended ? Number(stream.readBigUInt64BE(at + 24)) : stream.readUInt32BE(at + 24)
    const hasPayload = isExtended ? (flags & payloadLen) !== 0 : type === command.write
    at += headerBytes
    const payload = stream.subarray(at, hasPayload ? at + length : at)
    if (hasPayload) at += length
    if (type === command.disc) break
    // A write that did not come to its end may have landed in part.
    const isInside = length > 0 && offset + length <= sizeBytes
    if (!isInside) continue
    if (type === command.write && hasPayload && length <= payloadBytesMax && only(flags, fua | payloadFlag(isExtended)))
      changes.push({ offset, length: payload.length, bytes: payload })
    if (type === command.writeZeroes && only(flags, fua | noHole | fastZero))
      changes.push({ offset, length, bytes: undefined })
    if (type === command.trim && only(flags, fua)) changes.push({ offset, length, bytes: undefined })
  }
  return changes
}

const only = (flags: number, allowed: number): boolean => (flags & ~allowed) === 0
const payloadFlag = (isExtended: boolean): number => (isExtended ? payloadLen : 0)

/** The first byte of `found` that is neither `old` nor explained; `undefined` if all are. */
export function unexplained(old: Buffer, found: Buffer, changes: readonly Change[]): number | undefined {
  if (old.equals(found)) return undefined
  const isExplained = new Uint8Array(found.length)
  for (const { bytes, length, offset } of changes) {
    for (let index = 0; index < length; index++) {
      if (found[offset + index] === (bytes?.[index] ?? 0)) isExplained[offset + index] = 1
    }
  }
  for (let at = 0; at < found.length; at++) if (found[at] !== old[at] && isExplained[at] === 0) return at
  return undefined
}
