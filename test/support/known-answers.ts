/**
 * How a replay is told where the engine differs from the recorded kernel on purpose: what was asked, in which state.
 */

import type { CowState } from './prepared-devices.js'

export interface RequestInState {
  readonly op: string
  /** The snapshot's status before the request; `undefined` on an origin. */
  readonly status: string | undefined
  readonly recorded: string
}

export interface CreationInState {
  readonly store: 'P' | 'PO' | 'N'
  readonly cow: CowState
  readonly recorded: string
}

/** Deliberate differences: what the engine answers instead of what was recorded; `undefined` where it must not differ. */
export interface KnownAnswers {
  request(request: RequestInState): string | undefined
  creation(creation: CreationInState): string | undefined
}
