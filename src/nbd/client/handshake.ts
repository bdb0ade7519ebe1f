/**
 * The client's side of the handshake: fixed newstyle, one GO, and the server's facts of the export.
 *
 * Nothing else is agreed on, so that answers are simple replies. Leaves out on purpose: EXPORT_NAME, which cannot be refused with
 * words; TLS; structured replies, which reads, writes, flushes and trims do not need.
 */
import { CowringError } from '../../base/errors.js'
import {
  handshakeFlag,
  info,
  initialMagic,
  option,
  optionMagic,
  optionReplyMagic,
  reply,
  stringBytesMax,
} from '../protocol.js'
import { broken } from './broken.js'
import { type BlockSizes, type ExportFacts, exportFacts } from './export-facts.js'
import type { HandshakeSocket } from './handshake-socket.js'

const greetingBytes = 18
const replyHeaderBytes = 20
const exportInfoBytes = 12
const blockSizeInfoBytes = 14
/** A name, a description, a text: the protocol's limit of a string, and what stands before it. */
const replyBytesMax = stringBytesMax + 64
/** More than there are kinds of information. A server that goes on sending them has lost its way. */
const repliesMax = 64

/** Fails with DEVICE_MISSING (no such export), NOT_SUPPORTED (TLS, no GO, oldstyle), IO_ERROR. */
export function shakeHands(socket: HandshakeSocket, exportName: string, uri: string): ExportFacts {
  takeGreeting(socket, uri)
  socket.write(goRequest(exportName))
  return takeReplies(socket, exportName, uri)
}

function takeGreeting(socket: HandshakeSocket, uri: string): void {
  const first = socket.read(8).readBigUInt64BE()
  if (first !== initialMagic) throw broken(uri, 'did not begin as an NBD server does')
  const rest = socket.read(greetingBytes - 8)
  if (rest.readBigUInt64BE() !== optionMagic) throw unable(uri, 'speaks the oldstyle handshake only')
  const offered = rest.readUInt16BE(8)
  if ((offered & handshakeFlag.fixedNewstyle) === 0) throw unable(uri, 'speaks newstyle, but not fixed newstyle')
  const flags = Buffer.alloc(4)
  flags.writeUInt32BE(offered & (handshakeFlag.fixedNewstyle | handshakeFlag.noZeroes))
  socket.write(flags)
}

function goRequest(exportName: string): Buffer {
  const name = Buffer.from(exportName)
  const payload = Buffer.alloc(4 + name.length + 4)
  payload.writeUInt32BE(name.length)
  name.copy(payload, 4)
  payload.writeUInt16BE(1, 4 + name.length)
  payload.writeUInt16BE(info.blockSize, 6 + name.length)
  const header = Buffer.alloc(16)
  header.writeBigUInt64BE(optionMagic)
  header.writeUInt32BE(option.go, 8)
  header.writeUInt32BE(payload.length, 12)
  return Buffer.concat([header, payload])
}

function takeReplies(socket: HandshakeSocket, exportName: string, uri: string): ExportFacts {
  let size: { exportBytes: number; flags: number } | undefined
  let blocks: BlockSizes | undefined
  for (let count = 0; count < repliesMax; count++) {
    const { payload, type } = takeReply(socket, uri)
    if (type === reply.ack) {
      if (size === undefined) throw broken(uri, 'let the client in without saying how large the export is')
      return exportFacts(size.exportBytes, size.flags, blocks)
    }
    if (type >= reply.errUnsup) throw refusal(type, payload.toString(), exportName, uri)
    if (type !== reply.info || payload.length < 2)
      throw broken(uri, `answered the option GO with a reply of type ${type}`)
    const kind = payload.readUInt16BE()
    if (kind === info.export) size = exportInfo(payload, uri)
    else if (kind === info.blockSize) blocks = blockSizeInfo(payload, uri)
  }
  throw broken(uri, `answered the option GO with more than ${repliesMax} replies`)
}

function takeReply(socket: HandshakeSocket, uri: string): { type: number; payload: Buffer } {
  const header = socket.read(replyHeaderBytes)
  if (header.readBigUInt64BE() !== optionReplyMagic)
    throw broken(uri, 'answered an option without the magic of a reply')
  if (header.readUInt32BE(8) !== option.go) throw broken(uri, 'answered an option that it was not asked')
  const byteLength = header.readUInt32BE(16)
  if (byteLength > replyBytesMax) throw broken(uri, `answered an option with ${byteLength} bytes`)
  return { type: header.readUInt32BE(12), payload: socket.read(byteLength) }
}

function exportInfo(payload: Buffer, uri: string): { exportBytes: number; flags: number } {
  if (payload.length !== exportInfoBytes) throw broken(uri, 'described the export in a wrong length')
  const exportBytes = Number(payload.readBigUInt64BE(2))
  if (!Number.isSafeInteger(exportBytes)) throw broken(uri, `said that the export has ${exportBytes} bytes`)
  return { exportBytes, flags: payload.readUInt16BE(10) }
}

function blockSizeInfo(payload: Buffer, uri: string): BlockSizes {
  if (payload.length !== blockSizeInfoBytes) throw broken(uri, 'described its block sizes in a wrong length')
  const [minimum, preferred, maximum] = [payload.readUInt32BE(2), payload.readUInt32BE(6), payload.readUInt32BE(10)]
  if (minimum === 0 || maximum < minimum) throw broken(uri, `wants requests of ${minimum} to ${maximum} bytes`)
  return { minimum, preferred, maximum }
}

function refusal(type: number, text: string, exportName: string, uri: string): CowringError {
  const said = text === '' ? '' : ` (it says: ${text})`
  switch (type) {
    case reply.errUnknown: {
      const what = exportName === '' ? 'no default export; name one' : `no export '${exportName}'; correct the name`
      return new CowringError('DEVICE_MISSING', `the NBD server of ${uri} has ${what}${said}`, { device: uri })
    }
    case reply.errTlsReqd:
      return unable(uri, `wants TLS${said}, which the harness does not speak`)
    case reply.errUnsup:
      return unable(uri, `does not speak the option GO${said}`)
    case reply.errBlockSizeReqd:
      return unable(uri, `wants its block sizes kept in a way that the harness does not know${said}`)
    default:
      return broken(uri, `refused the export, with error ${(type % 0x8000_0000) >>> 0}${said}`)
  }
}

const unable = (uri: string, what: string): CowringError =>
  new CowringError('NOT_SUPPORTED', `the NBD server of ${uri} ${what}; use a server, or options, that can do without`, {
    device: uri,
  })
