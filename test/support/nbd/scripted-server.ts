/** A server that does what a test says, right or wrong. */
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { optionMagic, optionReplyMagic, reply, simpleReplyMagic } from '../../../src/nbd/protocol.js'
import { ImageFolder } from './images.js'

export interface SeenRequest {
  readonly type: number
  readonly cookie: Buffer
  readonly offset: number
  readonly length: number
}

export interface ScriptedServer {
  readonly uri: string
  close(): void
}

export async function scriptedServer(serve: (socket: Socket, read: Reader) => Promise<void>): Promise<ScriptedServer> {
  const folder = new ImageFolder()
  const path = folder.at('socket')
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    void serve(socket, readerOf(socket)).catch(() => socket.destroy())
  })
  server.listen(path)
  await once(server, 'listening')
  const close = (): void => {
    for (const socket of sockets) socket.destroy()
    server.close()
    folder.remove()
  }
  return { uri: `nbd+unix:///some?socket=${path}`, close }
}

export type Reader = (byteLength: number) => Promise<Buffer>

function readerOf(socket: Socket): Reader {
  let held = Buffer.alloc(0)
  let isOver = false
  let wake = (): void => {}
  socket.on('data', (chunk) => {
    held = Buffer.concat([held, chunk])
    wake()
  })
  socket.once('close', () => {
    isOver = true
    wake()
  })
  return async (byteLength) => {
    while (held.length < byteLength) {
      if (isOver) throw new Error('the client is gone')
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
    const bytes = held.subarray(0, byteLength)
    held = held.subarray(byteLength)
    return bytes
  }
}

/** Numbers of 16, 32 and 64 bits, and bytes, in order. */
export const bytesOf = (...parts: readonly (readonly [16 | 32 | 64, number | bigint] | Uint8Array)[]): Buffer =>
  Buffer.concat(
    parts.map((part) => {
      if (part instanceof Uint8Array) return part
      const bytes = Buffer.alloc(part[0] / 8)
      if (part[0] === 64) bytes.writeBigUInt64BE(BigInt(part[1]))
      else bytes.writeUIntBE(Number(part[1]), 0, part[0] / 8)
      return bytes
    }),
  )

export const greeting = bytesOf([64, 0x4e42_444d_4147_4943n], [64, optionMagic], [16, 3])

export const optionReply = (type: number, payload: Uint8Array = Buffer.alloc(0)): Buffer =>
  bytesOf([64, optionReplyMagic], [32, 7], [32, type], [32, payload.length], payload)

/** Greets, and takes the one option. */
export async function greet(socket: Socket, read: Reader): Promise<void> {
  socket.write(greeting)
  await read(4 + 12)
  await read((await read(4)).readUInt32BE())
}

/** Greets, and lets the client in to 1 MiB in requests of at most 64 KiB. */
export async function letIn(socket: Socket, read: Reader): Promise<void> {
  await greet(socket, read)
  const size = bytesOf([16, 0], [64, 2 ** 20], [16, 0b10_0101])
  const blocks = bytesOf([16, 3], [32, 1], [32, 4096], [32, 65_536])
  socket.write(Buffer.concat([optionReply(reply.info, size), optionReply(reply.info, blocks), optionReply(reply.ack)]))
}

export async function takeRequest(read: Reader): Promise<SeenRequest> {
  const bytes = await read(28)
  const seen = {
    type: bytes.readUInt16BE(6),
    cookie: bytes.subarray(8, 16),
    offset: Number(bytes.readBigUInt64BE(16)),
    length: bytes.readUInt32BE(24),
  }
  if (seen.type === 1) await read(seen.length)
  return seen
}

export const answer = (cookie: Uint8Array, error = 0, data: Uint8Array = Buffer.alloc(0)): Buffer =>
  bytesOf([32, simpleReplyMagic], [32, error], cookie, data)
