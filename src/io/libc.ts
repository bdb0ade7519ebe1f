/**
 * The libc calls that Node lacks (fallocate, flock, statx) and the hot ones it makes slow (pread, pwrite, lseek), through koffi.
 *
 * Guarantees: bound once per thread, at first use, so a program that only uses node:fs never loads koffi's binary.
 * Requires: Linux. Memory is passed as plain numbers (user addresses stay below 2^53), because handing koffi a view costs
 * more than the system call. An address is only good while its view is alive: whoever keeps one keeps the view beside it.
 * Leaves out on purpose: any check of addresses and lengths. A wrong one corrupts the process, so each caller asserts.
 */
import { createRequire } from 'node:module'
import type koffiModule from 'koffi'
import { assert } from '../base/assert.js'
import { errno } from './block-file.js'

export interface Libc {
  /** Bytes moved, or -1 and `lastErrno()`; like all calls below. */
  pread64(fd: number, address: number, byteLength: number, fileOffset: number): number
  pwrite64(fd: number, address: number, byteLength: number, fileOffset: number): number
  lseek64(fd: number, offset: number, whence: number): number
  fdatasync(fd: number): number
  fallocate64(fd: number, mode: number, fileOffset: number, byteLength: number): number
  flock(fd: number, operation: number): number
  sched_yield(): number
  memmove(to: number, from: number, byteLength: number): number
  /** Absent in old C libraries. `into` takes a `struct statx`, 256 bytes. */
  readonly statx:
    | ((directoryFd: number, path: string, flags: number, mask: number, into: Uint8Array) => number)
    | undefined
  /** The errno of this thread's last failed call; EIO if something has cleared it since. */
  lastErrno(): number
  /** Where the first byte of a non-empty view lies, as long as the view lives. */
  addressOf(view: Uint8Array): number
}

/** Of descriptors that are sockets, for threads that block on one. As above: -1 and `lastErrno()`. */
export interface SocketCalls {
  dup(fd: number): number
  close(fd: number): number
  fcntl(fd: number, command: number, argument: number): number
  /** Blocking on a blocking socket: until something has come, 0 when the other side has ended. */
  recv(fd: number, address: number, byteLength: number, flags: number): number
  send(fd: number, address: number, byteLength: number, flags: number): number
  /** `message` is the address of a `struct msghdr`. */
  sendmsg(fd: number, message: number, flags: number): number
  recvmsg(fd: number, message: number, flags: number): number
  /** Addresses of a `struct pollfd` array, a `struct timespec` (0: for ever) and a signal mask (0: as it is). */
  ppoll(descriptors: number, count: number, timeout: number, mask: number): number
  shutdown(fd: number, how: number): number
  socket(domain: number, type: number, protocol: number): number
  /** `address` is a `struct sockaddr`. */
  connect(fd: number, address: Uint8Array, byteLength: number): number
  setsockopt(fd: number, level: number, name: number, value: Uint8Array, byteLength: number): number
  /** Answers 0 or an EAI number; `into` takes the address of the first `struct addrinfo`, which is to be freed. */
  getaddrinfo(host: string, service: string, hints: Uint8Array, into: Uint8Array): number
  freeaddrinfo(list: number): void
  /** `into` takes two descriptors of 32 bits. */
  socketpair(domain: number, type: number, protocol: number, into: Uint8Array): number
}

export const seekEnd = 2
export const seekData = 3
export const seekHole = 4

let bound: Libc | undefined
let boundSockets: SocketCalls | undefined

/** The bindings of this thread. Throws whatever koffi throws if its binary cannot be loaded. */
export function libc(): Libc {
  bound ??= bind()
  return bound
}

/** The same for sockets, which few threads need. */
export function socketCalls(): SocketCalls {
  boundSockets ??= bindSockets()
  return boundSockets
}

/** Whether koffi has a binary for this machine. */
export function libcLoads(): boolean {
  try {
    libc()
    return true
  } catch {
    return false
  }
}

const loadKoffi = (): typeof koffiModule => createRequire(import.meta.url)('koffi')

function bindSockets(): SocketCalls {
  const library = loadKoffi().load(null)
  return {
    dup: library.func('int dup(int fd)'),
    close: library.func('int close(int fd)'),
    fcntl: library.func('int fcntl(int fd, int command, long argument)'),
    recv: library.func('intptr_t recv(int fd, uintptr_t buffer, size_t n, int flags)'),
    send: library.func('intptr_t send(int fd, uintptr_t buffer, size_t n, int flags)'),
    sendmsg: library.func('intptr_t sendmsg(int fd, uintptr_t message, int flags)'),
    recvmsg: library.func('intptr_t recvmsg(int fd, uintptr_t message, int flags)'),
    ppoll: library.func('int ppoll(uintptr_t descriptors, unsigned long count, uintptr_t timeout, uintptr_t mask)'),
    shutdown: library.func('int shutdown(int fd, int how)'),
    socket: library.func('int socket(int domain, int type, int protocol)'),
    connect: library.func('int connect(int fd, void *address, unsigned int n)'),
    setsockopt: library.func('int setsockopt(int fd, int level, int name, void *value, unsigned int n)'),
    getaddrinfo: library.func('int getaddrinfo(const char *host, const char *service, void *hints, void *into)'),
    freeaddrinfo: library.func('void freeaddrinfo(uintptr_t list)'),
    socketpair: library.func('int socketpair(int domain, int type, int protocol, void *into)'),
  }
}

function bind(): Libc {
  const koffi = loadKoffi()
  const library = koffi.load(null)
  const optional = (prototype: string) => {
    try {
      return library.func(prototype)
    } catch {
      return undefined
    }
  }
  // glibc names the 64-bit calls apart; musl has only the plain ones, which are 64-bit there.
  const wide = (result: string, name: string, parameters: string) =>
    optional(`${result} ${name}64${parameters}`) ?? library.func(`${result} ${name}${parameters}`)
  const addressOfView = library.func('uintptr_t memcpy(void *to, void *from, size_t n)')

  return {
    pread64: wide('intptr_t', 'pread', '(int fd, uintptr_t buffer, size_t n, int64_t offset)'),
    pwrite64: wide('intptr_t', 'pwrite', '(int fd, uintptr_t buffer, size_t n, int64_t offset)'),
    lseek64: wide('int64_t', 'lseek', '(int fd, int64_t offset, int whence)'),
    fdatasync: library.func('int fdatasync(int fd)'),
    fallocate64: wide('int', 'fallocate', '(int fd, int mode, int64_t offset, int64_t n)'),
    flock: library.func('int flock(int fd, int operation)'),
    sched_yield: library.func('int sched_yield(void)'),
    memmove: library.func('uintptr_t memmove(uintptr_t to, uintptr_t from, size_t n)'),
    statx: optional('int statx(int fd, const char *path, int flags, unsigned int mask, void *into)'),
    lastErrno: () => koffi.errno() || errno.EIO,
    addressOf: (view) => {
      // memcpy of nothing answers its first argument: the address.
      const address: unknown = addressOfView(view, view, 0)
      assert(typeof address === 'number' && address > 0, 'the address of a view is a positive safe integer')
      return address
    },
  }
}
