/** A target that is open: what the harness does with it beside the requests of its lanes. */
import type { MessagePort } from 'node:worker_threads'
import type { SeatToken } from '../../index.js'
import type { BlockFileDescriptor } from '../../io/block-file.js'
import type { AsyncQueue } from '../lane/queue.js'

/** How a lane on a thread of its own reaches its volume. Plain data. */
export type ThreadPlace =
  | { readonly kind: 'file'; readonly file: BlockFileDescriptor }
  | { readonly kind: 'nbd'; readonly uri: string }
  | { readonly kind: 'engine'; readonly token: SeatToken; readonly device: string }

export type LanePlace =
  | { readonly kind: 'thread'; readonly place: ThreadPlace; readonly transfer: readonly MessagePort[] }
  /** On this thread, between everything else. `free` when the lane is done. */
  | { readonly kind: 'here'; readonly queue: AsyncQueue; readonly free: () => void }

/** A volume as the coordinator reads and writes it: in pieces of at most `probeBytes`. */
export interface Probe {
  /** As messages call it: `origin`, a snapshot's name, the file or the export. */
  readonly name: string
  readonly sizeBytes: number
  read(offset: number, into: Uint8Array): Promise<unknown>
  write(offset: number, bytes: Uint8Array): Promise<unknown>
}

export const probeBytes = 2 ** 20

export interface OpenTarget {
  /** As it was written. */
  readonly text: string
  /** Nothing was there before: it was made for this run. */
  readonly isNew: boolean
  /** The file that was made, if there was none. */
  readonly madeFile: string | undefined
  /** Those that are checked with any other of them: an origin and its snapshots. */
  readonly volumeNames: readonly string[]
  /** The volume that a job works on. Fails with INVALID_ARGUMENT if there is none of that name. */
  volume(name: string): Probe
  /** Requests that one lane can have in flight, of those it asks for. */
  depthOf(asked: number): number
  lanePlace(volume: string, depth: number, bufferBytes: number): LanePlace
  close(): Promise<void>
}

/** What the jobs on a target ask of it. */
export interface TargetNeeds {
  readonly writes: boolean
  readonly direct: boolean
  /** The largest request. */
  readonly bufferBytes: number
  /** Of all that may be in flight at once. */
  readonly flightBytes: number
  /** Of a file that has to be made; `undefined` if the jobs do not say. */
  readonly createBytes: number | undefined
}
