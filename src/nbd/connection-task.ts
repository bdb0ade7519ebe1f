/**
 * What goes from the main thread to a connection's own thread when the handshake is over, and what comes back.
 *
 * Plain data: it is cloned. The token's port must be in the transfer list.
 */
import type { SeatToken } from '../seat/seat-token.js'

export interface ConnectionTask {
  /** A connected stream socket that blocks, this thread's to use. The main thread closes it when the task has ended. */
  readonly fd: number
  /** Bytes the client sent after its last option: the first of the transmission phase. */
  readonly leftover: Uint8Array
  readonly token: SeatToken
  readonly device: number
  readonly readOnly: boolean
  /** Whether reads are answered in chunks. Also true of extended headers. */
  readonly structuredReplies: boolean
  readonly extendedHeaders: boolean
  readonly contexts: readonly NegotiatedContext[]
}

export interface NegotiatedContext {
  /** What a block status carries. Unique in its connection. */
  readonly id: number
  readonly kind: ContextKind
  /** The snapshot since which a block is dirty; -1 for the other kinds. */
  readonly snapshotDevice: number
}

export type ContextKind = 'allocation' | 'depth' | 'dirty'

/** How a connection ended, for the log. */
export interface ConnectionEnd {
  /** `disconnected`: the client said so. `closed`: it went away. `protocol`: it sent what is no request. */
  readonly reason: 'disconnected' | 'closed' | 'protocol' | 'device-gone'
  readonly text?: string
}
