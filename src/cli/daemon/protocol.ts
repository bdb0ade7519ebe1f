/**
 * What goes over the daemon's socket: requests with a number, each answered by one reply with that number, in order.
 *
 * The verbs are the mapper's, and those of volumes: `open` answers a number that stands for the volume on this connection,
 * and that the others name. Everything a connection has opened is closed with it.
 */
import { CowringError, type ErrorCode, type ErrorFacts } from '../../index.js'
import { type MapperVerb, mapperVerbs } from '../dmsetup/link.js'

export const volumeVerbs = ['open', 'read', 'write', 'zero', 'discard', 'flush', 'close'] as const
export type VolumeVerb = (typeof volumeVerbs)[number]
export type DaemonVerb = MapperVerb | VolumeVerb

export const daemonVerbs: ReadonlySet<string> = new Set([...mapperVerbs, ...volumeVerbs])

export interface DaemonRequest {
  readonly id: number
  readonly verb: DaemonVerb
  readonly words: readonly unknown[]
}

export type DaemonReply =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: ErrorOnWire }

export interface ErrorOnWire {
  /** Missing for what is not an operating error. */
  readonly code?: ErrorCode
  readonly message: string
  readonly facts?: ErrorFacts
}

export interface OpenedVolume {
  readonly volume: number
  readonly sizeBytes: number
  readonly readOnly: boolean
}

/** Data of one request at most, so that a frame with everything around it fits. */
export const dataBytesMax = 2 ** 20

export function errorOnWire(error: unknown): ErrorOnWire {
  if (error instanceof CowringError) return { code: error.code, message: error.message, facts: error.facts }
  return { message: error instanceof Error ? error.message : String(error) }
}

export function errorFromWire({ code, message, facts }: ErrorOnWire): Error {
  return code === undefined ? new Error(`the daemon failed: ${message}`) : new CowringError(code, message, facts ?? {})
}
