/** What a server has to offer: exports by name, and what is told of each. */
import type { ContextKind } from './connection-task.js'

export interface NbdExport {
  /** Its own name, also when it was opened as the default one. */
  readonly name: string
  readonly description: string
  readonly sizeBytes: number
  readonly readOnly: boolean
  /** What a request should be a multiple of to be cheap: a power of two from 512 on. */
  readonly preferredBytes: number
  readonly contexts: readonly ExportContext[]
  /** What a seat calls it. */
  readonly device: number
  /** Closing again does nothing. */
  close(): Promise<void>
}

export interface ExportContext {
  /** QEMU's name for it. */
  readonly name: string
  readonly kind: ContextKind
  /** The snapshot's device for `dirty`, held until the export is closed; -1 for the others. Fails if the snapshot is gone. */
  snapshotDevice(): Promise<number>
}

export interface ExportSource {
  /** Those of now. */
  list(): readonly ExportListing[]
  /** The export for one connection; `undefined` if there is none of this name. The empty name is the default export's. */
  open(name: string): Promise<NbdExport | undefined>
}

export interface ExportListing {
  readonly name: string
  readonly description: string
}
