/**
 * Where the engine differs from the recorded kernel on purpose. Everything else that differs is a bug.
 *
 * One entry a difference, as narrow as it can be said: what was asked, in which state, what the kernel answered, and what
 * the engine answers instead.
 */

import type { CreationInState, KnownAnswers, RequestInState } from '../support/known-answers.js'

interface Difference {
  readonly answer: string
  readonly reason: string
}

const requests: readonly (RequestInState & Difference)[] = [
  {
    op: 'f',
    status: 'Invalid',
    recorded: 'ok',
    answer: 'SNAPSHOT_INVALID',
    reason:
      'The kernel tests for a flush before it tests whether the snapshot is valid, and reports success for data that is ' +
      'lost. A flush that promises nothing is worse than an error.',
  },
]

const creations: readonly (CreationInState & Difference)[] = [
  {
    store: 'N',
    cow: 'written',
    recorded: 'ok',
    answer: 'COW_NOT_A_STORE',
    reason:
      'The kernel lets a transient store overwrite whatever the COW holds. Here a COW is taken only if its first four bytes ' +
      'are zero, so that a wrong path does not cost a file.',
  },
  {
    store: 'P',
    cow: 'missing',
    recorded: 'DEVICE_MISSING',
    answer: 'ok',
    reason: 'Devices have to exist; a COW file that does not is created.',
  },
]

export const knownDifferences: KnownAnswers = {
  request: ({ op, status, recorded }) =>
    requests.find((known) => known.op === op && known.status === status && known.recorded === recorded)?.answer,
  creation: ({ store, cow, recorded }) =>
    creations.find((known) => known.store === store && known.cow === cow && known.recorded === recorded)?.answer,
}
