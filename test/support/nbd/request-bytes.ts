/** The bytes of requests, compact and extended, good ones and bad ones. */
import { command } from '../../../src/nbd/protocol.js'

export interface NbdRequest {
  readonly command: number
  readonly flags?: number
  readonly offset?: number | bigint
  /** Of what it is about; of a write its payload's. */
  readonly length?: number | bigint
  readonly payload?: Uint8Array
  readonly magic?: number
}

const compactMagic = 0x25609513
const extendedMagic = 0x21e41c71
const payloadFlag = 1 << 5

export function requestBytes(request: NbdRequest, cookie: bigint, isExtended: boolean): Buffer {
  const { length = request.payload?.length ?? 0, offset = 0 } = request
  const isWrite = request.command === command.write
  const header = Buffer.alloc(isExtended ? 32 : 28)
  header.writeUInt32BE(request.magic ?? (isExtended ? extendedMagic : compactMagic), 0)
  header.writeUInt16BE((request.flags ?? 0) | (isExtended && isWrite ? payloadFlag : 0), 4)
  header.writeUInt16BE(request.command, 6)
  header.writeBigUInt64BE(cookie, 8)
  header.writeBigUInt64BE(BigInt(offset), 16)
  if (isExtended) header.writeBigUInt64BE(BigInt(length), 24)
  else header.writeUInt32BE(Number(length), 24)
  return request.payload === undefined ? header : Buffer.concat([header, request.payload])
}
