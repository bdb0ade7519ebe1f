/** Requests by name, for tests that say what they ask and look at the answer. */
import { command } from '../../../src/nbd/protocol.js'
import type { NbdRequest } from './request-bytes.js'

type Place = number | bigint

export const readOf = (offset: Place, length: Place, flags = 0): NbdRequest => ({
  command: command.read,
  offset,
  length,
  flags,
})
export const writeOf = (offset: Place, payload: Uint8Array, flags = 0): NbdRequest => ({
  command: command.write,
  offset,
  payload,
  flags,
})
export const trimOf = (offset: Place, length: Place, flags = 0): NbdRequest => ({
  command: command.trim,
  offset,
  length,
  flags,
})
export const zeroesOf = (offset: Place, length: Place, flags = 0): NbdRequest => ({
  command: command.writeZeroes,
  offset,
  length,
  flags,
})
export const cacheOf = (offset: Place, length: Place, flags = 0): NbdRequest => ({
  command: command.cache,
  offset,
  length,
  flags,
})
export const statusOf = (offset: Place, length: Place, flags = 0): NbdRequest => ({
  command: command.blockStatus,
  offset,
  length,
  flags,
})
export const flushOf = (flags = 0): NbdRequest => ({ command: command.flush, flags })
