/**
 * Addresses of a host, by the system's resolver, for threads that block.
 *
 * Requires: a 64-bit Linux, whose `struct addrinfo` this reads.
 */
import { CowringError } from '../../base/errors.js'
import { libc, socketCalls } from '../../io/libc.js'

export interface SocketAddress {
  readonly domain: number
  /** A `struct sockaddr`. */
  readonly bytes: Uint8Array
}

/** `struct addrinfo`: flags, family, type, protocol, length of the address (32 bits each); address, name, next (64 bits). */
const infoBytes = 48
const at = { family: 4, type: 8, length: 16, address: 24, next: 40 } as const
const socketStream = 1

/** At least one. Fails with DEVICE_MISSING. */
export function resolveHost(host: string, port: number): SocketAddress[] {
  const hints = new Uint8Array(infoBytes)
  new Int32Array(hints.buffer)[at.type / 4] = socketStream
  const first = new BigUint64Array(1)
  const failure = socketCalls().getaddrinfo(host, String(port), hints, new Uint8Array(first.buffer))
  if (failure !== 0) {
    const text = `the host ${host} cannot be found (the resolver answered ${failure}); check its name, or give its address`
    throw new CowringError('DEVICE_MISSING', text, { device: host, syscall: 'getaddrinfo' })
  }
  const list = Number(first[0])
  const found = [...addressesFrom(list)]
  socketCalls().freeaddrinfo(list)
  return found
}

function* addressesFrom(list: number): Iterable<SocketAddress> {
  for (let info = list; info !== 0; ) {
    const words = new DataView(copyOf(info, infoBytes).buffer)
    const byteLength = words.getUint32(at.length, true)
    const address = Number(words.getBigUint64(at.address, true))
    yield { domain: words.getInt32(at.family, true), bytes: copyOf(address, byteLength) }
    info = Number(words.getBigUint64(at.next, true))
  }
}

function copyOf(address: number, byteLength: number): Uint8Array {
  const copy = new Uint8Array(byteLength)
  // The buffer is asked for first: small arrays have none until then, and move with the heap.
  void copy.buffer
  libc().memmove(libc().addressOf(copy), address, byteLength)
  return copy
}
