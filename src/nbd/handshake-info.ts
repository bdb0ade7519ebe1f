/** What a client is told of an export before it uses it. */
import type { NbdExport } from './exports.js'
import { encodeReply, encodeText, uint16, uint32, uint64 } from './handshake-payload.js'
import { transmissionFlag as flag, info, minimumBlockBytes, payloadBytesMax, reply } from './protocol.js'

/** The flags of 16 bits. DF means something only where reads are answered in chunks. */
export function transmissionFlags(served: NbdExport, isStructured: boolean): number {
  const always = flag.hasFlags | flag.sendFlush | flag.sendFua | flag.canMultiConn | flag.sendCache
  const changes = served.readOnly ? flag.readOnly : flag.sendTrim | flag.sendWriteZeroes | flag.sendFastZero
  return always | changes | (isStructured ? flag.sendDf : 0)
}

/** The answer to EXPORT_NAME, which has no header. */
export function encodeExport(served: NbdExport, isStructured: boolean, isNoZeroes: boolean): Buffer {
  const padding = Buffer.alloc(isNoZeroes ? 0 : 124)
  return Buffer.concat([uint64(served.sizeBytes), uint16(transmissionFlags(served, isStructured)), padding])
}

/** The replies to INFO and GO before the ACK: what must be told, block sizes, and what was asked for. */
export function encodeInfos(option: number, served: NbdExport, isStructured: boolean, asked: ReadonlySet<number>) {
  const tell = (kind: number, ...parts: readonly Uint8Array[]) =>
    encodeReply(option, reply.info, uint16(kind), ...parts)
  const { description, name, preferredBytes, sizeBytes } = served
  return Buffer.concat([
    tell(info.export, uint64(sizeBytes), uint16(transmissionFlags(served, isStructured))),
    ...(asked.has(info.name) ? [tell(info.name, encodeText(name))] : []),
    ...(asked.has(info.description) ? [tell(info.description, encodeText(description))] : []),
    tell(info.blockSize, uint32(minimumBlockBytes), uint32(preferredBytes), uint32(payloadBytesMax)),
  ])
}
