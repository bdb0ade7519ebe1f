/**
 * What goes over the daemon's socket: requests with a number, each answered by one reply with that number, in order.
 *
 * The verbs are the mapper's, those of volumes, and those of merges. `open` answers a number that stands for the volume on this
 * connection, and that the others name. Everything a connection has opened is closed with it.
 *
 * Merges have numbers as well: `merge` begins one, or finds the one under way, and answers its number on this connection. They
 * are the mapper's, however, and go on without the connection.
 */
import { CowringError, type ErrorCode, type ErrorFacts, type MergeProgress, type MergeUnderWay } from '../../index.js'
import { type MapperVerb, mapperVerbs } from '../dmsetup/link.js'

export const volumeVerbs = ['open', 'read', 'write', 'zero', 'discard', 'flush', 'close'] as const
export type VolumeVerb = (typeof volumeVerbs)[number]
export const mergeVerbs = ['merge', 'mergeProgress', 'mergePause', 'mergeCancel'] as const
export type MergeVerb = (typeof mergeVerbs)[number]
export type DaemonVerb = MapperVerb | VolumeVerb | MergeVerb

export const daemonVerbs: ReadonlySet<string> = new Set([...mapperVerbs, ...volumeVerbs, ...mergeVerbs])

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

/** What `merge` answers. */
export interface FollowedMerge {
  /** What `mergeProgress` and `mergePause` name it by. */
  readonly merge: number
  readonly devices: MergedDevices
  readonly progress: MergeProgress
  /** Bytes that it had merged before it was asked for. */
  readonly doneBefore: number
}

/** What `mergeCancel` answers. */
export type CancelledMerge = Pick<FollowedMerge, 'devices' | 'progress'>

export type MergedDevices = Omit<MergeUnderWay, 'merge'>

/** What `merge` is given. `null` lifts a limit; without one it stays as it is. */
export interface LimitsOnWire {
  readonly rateLimit?: number | null
  readonly latencyTarget?: number | null
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
