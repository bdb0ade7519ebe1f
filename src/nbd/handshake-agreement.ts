/** What a handshake comes to. */
import type { NegotiatedContext } from './connection-task.js'
import type { NbdExport } from './exports.js'

export interface Agreement {
  readonly export: NbdExport
  readonly structuredReplies: boolean
  readonly extendedHeaders: boolean
  readonly contexts: readonly NegotiatedContext[]
}
