/**
 * Gives a socket of Node's to a thread that blocks on it: its descriptor is duplicated, made blocking, and Node's own is closed.
 *
 * Guarantees: the connection goes on; closing one of two descriptors shuts nothing down. No byte is lost: what Node has read is
 * taken from it, and Node reads only between turns of the event loop, of which there is none in here.
 * A TLS stream has no descriptor to give: its plain bytes go through a pair of sockets, one end of which is the thread's. Each side
 * is read only as fast as the other takes, so a client that stalls holds up nobody else.
 */
import { Socket } from 'node:net'
import { type Duplex, pipeline } from 'node:stream'
import { TLSSocket } from 'node:tls'
import { assert } from '../base/assert.js'
import { socketCalls } from '../io/libc.js'
import { systemFailure } from './system-failure.js'

/** Linux's numbers. */
const fcntl = { getFlags: 3, setFlags: 4, setDescriptorFlags: 2, closeOnExec: 1, nonBlock: 0o4000 } as const
const socket = { unix: 1, stream: 1, closeOnExec: 0o2000000 } as const
const how = { receive: 0, both: 2 } as const

/** What has been sent through TLS and was not read by then is dropped. A plain socket leaves that to the kernel. */
const lingerMs = 5000

/** The main thread's side of a connection that has a thread. */
export interface HandedOver {
  /** Blocking; the thread's until `close`. */
  readonly fd: number
  /** Everything that Node has read and nobody used. */
  readonly leftover: Uint8Array
  /** No more requests are received; what has been is still answered. */
  stopReceiving(): void
  /** Nothing is received and nothing sent from now on. */
  shutDown(): void
  /** The thread has ended. Resolves when the client has got what was sent. */
  close(): Promise<void>
}

/** `taken` is what was read of it already. Fails with IO_ERROR. */
export function handOver(stream: Duplex, taken: Uint8Array): HandedOver {
  if (stream instanceof TLSSocket) return { ...throughPair(stream), leftover: taken }
  assert(stream instanceof Socket, 'a connection is a socket')
  const handle = (stream as unknown as { readonly _handle: { readonly fd: number; readStop(): void } })._handle
  const fd = duplicate(handle.fd)
  const leftover = drain(stream, taken)
  stream.destroy()
  return { ...descriptor(fd), leftover, close: async () => void socketCalls().close(fd) }
}

function drain(stream: Duplex, taken: Uint8Array): Uint8Array {
  const parts = [taken]
  for (let chunk: Buffer | null = stream.read(); chunk !== null; chunk = stream.read()) parts.push(chunk)
  return Buffer.concat(parts)
}

function throughPair(secure: TLSSocket): Omit<HandedOver, 'leftover'> {
  const [fd, other] = socketPair()
  const plain = new Socket({ fd: other, readable: true, writable: true, allowHalfOpen: true })
  // Whichever side fails, both are destroyed; the thread sees the end of its own.
  secure.pipe(plain)
  secure.once('close', () => plain.destroy())
  plain.on('error', () => {})
  const outward = new Promise<void>((resolve) => pipeline(plain, secure, () => resolve()))
  const both = descriptor(fd)
  return {
    ...both,
    // Shutting the thread's end would fail what is still on its way to the client.
    stopReceiving: () => {
      secure.unpipe(plain)
      plain.end()
    },
    shutDown: () => {
      both.shutDown()
      secure.destroy()
    },
    close: async () => {
      socketCalls().close(fd)
      const timer = setTimeout(() => secure.destroy(), lingerMs)
      await outward
      clearTimeout(timer)
      secure.destroy()
    },
  }
}

const descriptor = (fd: number) => ({
  fd,
  stopReceiving: () => void socketCalls().shutdown(fd, how.receive),
  shutDown: () => void socketCalls().shutdown(fd, how.both),
})

function duplicate(original: number): number {
  const fd = socketCalls().dup(original)
  if (fd < 0) throw systemFailure('dup', 'duplicate the descriptor of a connection')
  const flags = socketCalls().fcntl(fd, fcntl.getFlags, 0)
  const isBlocking = flags >= 0 && socketCalls().fcntl(fd, fcntl.setFlags, flags & ~fcntl.nonBlock) === 0
  if (isBlocking && socketCalls().fcntl(fd, fcntl.setDescriptorFlags, fcntl.closeOnExec) === 0) return fd
  const failure = systemFailure('fcntl', 'make a connection blocking')
  socketCalls().close(fd)
  throw failure
}

function socketPair(): [number, number] {
  const into = new Uint8Array(8)
  if (socketCalls().socketpair(socket.unix, socket.stream | socket.closeOnExec, 0, into) !== 0) {
    throw systemFailure('socketpair', 'connect a thread with its TLS stream')
  }
  const both = new DataView(into.buffer)
  const isLittle = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1
  return [both.getInt32(0, isLittle), both.getInt32(4, isLittle)]
}
