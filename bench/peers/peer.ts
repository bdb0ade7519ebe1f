/** Who is measured: a server that can be started afresh over the image of a workplace. */
import type { Workplace } from '../grid/workplace.js'
import type { Server } from './server.js'

export interface Peer {
  /** Stable: what a record in a file is found by. */
  readonly name: string
  /** `ours` is compared with the best of the rivals, which keep snapshots too, and with the ceiling, which keeps none. */
  readonly kind: 'ours' | 'rival' | 'ceiling'
  /** For the reader: what was chosen, where there was a choice. */
  readonly settings: string
  /** Why it cannot be measured here; `undefined` if it can. */
  missing(): string | undefined
  /** What it copies or redirects as a whole: first writes are this far apart, so that each is one. */
  readonly granuleBytes: number
  /** The export that the random cases work on. */
  readonly exportName: string
  /** The export that is copied; `undefined` where copying it is nothing that another peer's figure does not say. */
  readonly copiedExport: string | undefined
  /** The export that is written to before a copy, so that half of what is copied has changed since the snapshot. */
  readonly changedExport: string
  /** A server with nothing written since the snapshot. It leaves files behind only in the workplace, under names of its own. */
  start(place: Workplace): Promise<Server>
}

export const imageName = 'image.raw'
