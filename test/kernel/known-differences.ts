/**
 * Where cowring differs from the recorded kernel on purpose. Everything else that differs is a bug.
 *
 * One entry a difference, as narrow as it can be said: what was asked, in which state, what the kernel answered, what is
 * answered here, and why. An entry that no recording needs is removed: the runner names it.
 */
import type { KnownDifference } from '../support/conformance/differences.js'

const splitByNow =
  'The kernel splits requests to an origin by the chunk size that it looked up when the origin was last resumed. A snapshot ' +
  'taken without that sees only the first chunk of a request saved, and shows new data in the others. Here requests are ' +
  'split by the smallest chunk of now, so every chunk is saved.'

export const knownDifferences: readonly KnownDifference[] = [
  {
    asked: { aspect: 'status', originResumed: 'no' },
    kernel: '0 16384 snapshot 48/8192 32',
    ours: '0 16384 snapshot 64/8192 32',
    reason: splitByNow,
  },
  {
    asked: { aspect: 'data', op: 'r', originResumed: 'no', status: '64/8192 32' },
    kernel: '79284ee0ad3c13e077528a6024b769b9',
    ours: 'bf26b9e5827a14fc1b3e964f35e4d2f9',
    reason: splitByNow,
  },
  {
    asked: { aspect: 'status', originResumed: 'no' },
    kernel: '0 16384 snapshot 80/8192 32',
    ours: '0 16384 snapshot 96/8192 32',
    reason: splitByNow,
  },
  {
    asked: { aspect: 'data', op: 'r', originResumed: 'no', status: '96/8192 32' },
    kernel: 'ff7fb81d8ff91e7b3cf5f66ff567d0fc',
    ours: '01d74ab7666c0a77b0feffadf19cc070',
    reason: splitByNow,
  },
  {
    asked: { aspect: 'request', op: 'f', status: 'Invalid' },
    kernel: 'ok',
    ours: 'EIO',
    reason:
      'The kernel tests for a flush before it tests whether the snapshot is valid, and reports success for data that is ' +
      'lost. A flush that promises nothing is worse than an error.',
  },
]

interface CreationDifference {
  readonly store: 'P' | 'PO' | 'N'
  /** What is found on the COW. */
  readonly cow: 'blank' | 'missing'
  readonly recorded: string
  readonly answer: string
  readonly reason: string
}

/** Where taking a snapshot through the public API differs from creating one with the same table line. */
export const knownCreations: readonly CreationDifference[] = [
  {
    store: 'P',
    cow: 'missing',
    recorded: 'DEVICE_MISSING',
    answer: 'ok',
    reason: 'Devices have to exist; a COW file that does not is created.',
  },
]
