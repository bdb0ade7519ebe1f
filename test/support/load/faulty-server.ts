/** An NBD server of a faulty disk on a Unix socket: fixed newstyle, GO, simple replies, any number of connections. Trusts its clients. */
import { createServer, type Server, type Socket } from 'node:net'
import {
  command,
  handshakeFlag,
  info,
  initialMagic,
  option,
  optionMagic,
  optionReplyMagic,
  reply,
  requestBytes,
  simpleReplyBytes,
  simpleReplyMagic,
  transmissionFlag,
} from '../../../src/nbd/protocol.js'
import type { FaultyDisk } from './faulty-disk.js'

const greetingBytes = 18
const clientFlagsBytes = 4
const optionHeaderBytes = 16

export function serveFaultyDisk(disk: FaultyDisk, socketPath: string): Promise<Server> {
  const server = createServer((socket) => new Connection(socket, disk))
  return new Promise((resolve) => server.listen(socketPath, () => resolve(server)))
}

type Step = 'flags' | 'options' | 'requests'

class Connection {
  readonly #socket: Socket
  readonly #disk: FaultyDisk
  #step: Step = 'flags'
  #rest: Buffer = Buffer.alloc(0)

  constructor(socket: Socket, disk: FaultyDisk) {
    this.#socket = socket
    this.#disk = disk
    const greeting = Buffer.alloc(greetingBytes)
    greeting.writeBigUInt64BE(initialMagic, 0)
    greeting.writeBigUInt64BE(optionMagic, 8)
    greeting.writeUInt16BE(handshakeFlag.fixedNewstyle | handshakeFlag.noZeroes, 16)
    socket.write(greeting)
    socket.on('error', () => socket.destroy())
    socket.on('data', (piece) => this.#take(piece))
  }

  /** Everything that has come in full is answered at once, in one write. */
  #take(piece: Buffer): void {
    const bytes = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece])
    let at = 0
    this.#socket.cork()
    for (;;) {
      const length = this.#unitBytes(bytes, at)
      if (length === undefined || at + length > bytes.length) break
      this.#answer(bytes.subarray(at, at + length))
      at += length
    }
    this.#socket.uncork()
    this.#rest = bytes.subarray(at)
  }

  /** Of what comes next; `undefined` while that cannot be known. */
  #unitBytes(bytes: Buffer, at: number): number | undefined {
    if (this.#step === 'flags') return clientFlagsBytes
    if (this.#step === 'options') {
      return bytes.length < at + optionHeaderBytes ? undefined : optionHeaderBytes + bytes.readUInt32BE(at + 12)
    }
    if (bytes.length < at + requestBytes) return undefined
    return requestBytes + (bytes.readUInt16BE(at + 6) === command.write ? bytes.readUInt32BE(at + 24) : 0)
  }

  #answer(unit: Buffer): void {
    if (this.#step === 'flags') this.#step = 'options'
    else if (this.#step === 'options') this.#answerOption(unit.readUInt32BE(8))
    else this.#answerRequest(unit)
  }

  #answerOption(asked: number): void {
    if (asked !== option.go) {
      this.#replyToOption(asked, reply.errUnsup)
      return
    }
    const facts = Buffer.alloc(12)
    facts.writeUInt16BE(info.export, 0)
    facts.writeBigUInt64BE(BigInt(this.#disk.bytes.length), 2)
    const { canMultiConn, hasFlags, sendFlush } = transmissionFlag
    facts.writeUInt16BE(hasFlags | sendFlush | canMultiConn, 10)
    this.#replyToOption(asked, reply.info, facts)
    this.#replyToOption(asked, reply.ack)
    this.#step = 'requests'
  }

  #replyToOption(asked: number, type: number, data = Buffer.alloc(0)): void {
    const header = Buffer.alloc(20)
    header.writeBigUInt64BE(optionReplyMagic, 0)
    header.writeUInt32BE(asked, 8)
    header.writeUInt32BE(type, 12)
    header.writeUInt32BE(data.length, 16)
    this.#socket.write(Buffer.concat([header, data]))
  }

  #answerRequest(unit: Buffer): void {
    const asked = unit.readUInt16BE(6)
    if (asked === command.disc) {
      this.#socket.end()
      return
    }
    const offset = Number(unit.readBigUInt64BE(16))
    const answer = Buffer.allocUnsafe(simpleReplyBytes + (asked === command.read ? unit.readUInt32BE(24) : 0))
    answer.writeUInt32BE(simpleReplyMagic, 0)
    answer.writeUInt32BE(asked === command.write ? this.#disk.write(offset, unit.subarray(requestBytes)) : 0, 4)
    unit.copy(answer, 8, 8, 16)
    if (asked === command.read) this.#disk.read(offset, answer.subarray(simpleReplyBytes))
    this.#socket.write(answer)
  }
}
