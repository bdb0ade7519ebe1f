/**
 * Connects a stream socket for a thread that blocks on it. What fails says who was not there, and what to do.
 *
 * Requires: a little-endian 64-bit Linux, whose structures this writes.
 */
import { assert } from '../../base/assert.js'
import { errnoName } from '../../base/errno-name.js'
import { CowringError } from '../../base/errors.js'
import { libc, socketCalls } from '../../io/libc.js'
import { systemFailure } from '../system-failure.js'
import type { ListenAddress } from '../uri.js'
import { resolveHost, type SocketAddress } from './resolve-host.js'

/** Linux's numbers. */
const unixDomain = 1
const stream = 1
const closeOnExec = 0o2000000
const socketLevel = 1
const sendTimeout = 21
const tcpLevel = 6
const noDelay = 1

const errnos = { ENOENT: 2, EAGAIN: 11, EINPROGRESS: 115, ETIMEDOUT: 110, ECONNREFUSED: 111 } as const
const notThere: readonly number[] = [errnos.ENOENT, errnos.ECONNREFUSED]
const tooSlow: readonly number[] = [errnos.EAGAIN, errnos.EINPROGRESS, errnos.ETIMEDOUT]

/** A `struct sockaddr_un`: the family, then the path, which ends with 0. */
const unixAddressBytes = 110

/** A connected socket; the caller closes it. Fails with DEVICE_MISSING, IO_ERROR. */
export function connectSocket(server: ListenAddress, timeoutMs: number): number {
  let failure: CowringError | undefined
  for (const address of addressesOf(server)) {
    const fd = socketCalls().socket(address.domain, stream | closeOnExec, 0)
    if (fd < 0) throw systemFailure('socket', 'make a socket')
    limitConnect(fd, timeoutMs)
    if (socketCalls().connect(fd, address.bytes, address.bytes.length) === 0) {
      if (server.kind === 'tcp') sendAtOnce(fd)
      return fd
    }
    failure = notConnected(server, libc().lastErrno(), timeoutMs)
    socketCalls().close(fd)
  }
  assert(failure !== undefined, 'a server has an address')
  throw failure
}

function addressesOf(server: ListenAddress): readonly SocketAddress[] {
  if (server.kind === 'tcp') return resolveHost(server.host, server.port)
  const path = Buffer.from(server.path)
  assert(path.length <= unixAddressBytes - 3, 'the path of a socket was checked')
  const bytes = new Uint8Array(unixAddressBytes)
  bytes[0] = unixDomain
  bytes.set(path, 2)
  return [{ domain: unixDomain, bytes }]
}

/** Linux has the time limit of sending count for connecting too. */
function limitConnect(fd: number, timeoutMs: number): void {
  const value = new BigInt64Array([BigInt(Math.floor(timeoutMs / 1000)), BigInt((timeoutMs % 1000) * 1000)])
  const bytes = new Uint8Array(value.buffer)
  socketCalls().setsockopt(fd, socketLevel, sendTimeout, bytes, bytes.length)
}

/** Requests are small, and each batch is sent in one piece anyway. */
function sendAtOnce(fd: number): void {
  const value = new Uint8Array(new Int32Array([1]).buffer)
  socketCalls().setsockopt(fd, tcpLevel, noDelay, value, value.length)
}

function notConnected(server: ListenAddress, errno: number, timeoutMs: number): CowringError {
  const where = server.kind === 'unix' ? server.path : `${server.host}:${server.port}`
  const facts = { path: where, errno, syscall: 'connect' }
  const reason = errnoName(errno)
  if (notThere.includes(errno)) {
    const text = `no NBD server listens on ${where} (${reason}); start one, or correct the address`
    return new CowringError('DEVICE_MISSING', text, facts)
  }
  const what = tooSlow.includes(errno)
    ? `took no connection in ${timeoutMs / 1000} s; it may have all the clients it serves: look at the server`
    : `cannot be reached: ${reason}; check the address, and the permissions of a socket`
  return new CowringError('IO_ERROR', `the NBD server at ${where} ${what}`, facts)
}
