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

const overflowIsAnEvent =
  'The kernel raises no event when a store overflows, so `dmsetup wait` misses it until the snapshot is lost. Here it counts ' +
  'as one, and everything after it counts from there.'

const causeIsTold =
  'The kernel logs one text for many causes, and keeps the precise one to itself. Here it follows the text of the kernel.'

const wordsAreStrict =
  'The kernel looks at the first letter of the store word, and leaves out words behind the counted features. What nobody ' +
  'looked at is a mistake of whoever wrote it.'

/** A table that is refused here and not by the kernel: what dmsetup prints. */
const refused = (cause: string): RegExp =>
  new RegExp(
    `^exit 1, stderr 'device-mapper: table: minor \\d+: ${cause} \\(-EINVAL\\)', ` +
      "stderr 'device-mapper: reload ioctl on \\S+ \\(minor \\d+\\) failed: Invalid argument', stderr 'Command failed\\.'$",
  )

/** A line of the kernel's log, and ours, which says more. */
const logged = (text: string, errno: string, more = ''): RegExp =>
  new RegExp(`^device-mapper: table: minor \\d+: ${text}${more} \\(-${errno}\\)$`)

const storeCauses = [
  'Unsupported persistent store option: \\S',
  "Exception store type is not P or N: '\\S+'",
  "Invalid chunk size: '\\S+'",
  'Chunk size is not a power of 2',
  'Chunk size is too high',
].join('|')

export const knownDifferences: readonly KnownDifference[] = [
  {
    asked: { aspect: 'log', verb: 'create', table: / snapshot(-merge)? / },
    kernel: logged("snapshot(-merge)?: Couldn't create exception store", 'EINVAL'),
    ours: logged("snapshot(-merge)?: Couldn't create exception store", 'EINVAL', `: (${storeCauses})`),
    reason: causeIsTold,
  },
  {
    asked: { aspect: 'log', verb: 'create', table: / snapshot(-merge)? / },
    kernel: logged('snapshot(-merge)?: Failed to read snapshot metadata', 'EIO'),
    ours: logged(
      'snapshot(-merge)?: Failed to read snapshot metadata',
      'EIO',
      ': (COW \\S+ has \\d+ bytes; a store of \\d+-sector chunks needs at least \\d+' +
        '|cannot (read|write) \\d+ bytes at offset \\d+ of COW \\S+ \\(EIO\\); check the device and try again)',
    ),
    reason: causeIsTold,
  },
  {
    asked: { aspect: 'log', verb: 'create', table: / snapshot(-origin|-merge)? / },
    kernel: logged('snapshot(-origin|-merge)?: Cannot get (origin|COW|target) device', 'ENODEV'),
    ours: logged(
      'snapshot(-origin|-merge)?: Cannot get (origin|COW|target) device',
      'ENODEV',
      ': The device \\S+ does not exist\\. Check the path\\.',
    ),
    reason: causeIsTold,
  },
  {
    asked: { aspect: 'answer', verb: 'create', table: / snapshot(-merge)? \S+ \S+ NO \d+$/ },
    kernel: 'exit 0',
    ours: refused("snapshot(-merge)?: Couldn't create exception store: Exception store type is not P or N: 'NO'"),
    reason: wordsAreStrict,
  },
  {
    asked: {
      aspect: 'answer',
      verb: 'create',
      table: / snapshot(-merge)? \S+ \S+ P \d+ (1 discard_zeroes_cow|0) \S+$/,
    },
    kernel: 'exit 0',
    ours: refused("snapshot(-merge)?: Invalid number of feature arguments: '\\S+' follows them"),
    reason: wordsAreStrict,
  },
  {
    asked: { aspect: 'answer', verb: 'create', table: /\n[1-9]\d* \d+ snapshot-origin / },
    kernel: 'exit 0',
    ours: refused('snapshot-origin: must start at sector 0 of its table'),
    reason:
      'The kernel maps the sectors of these targets to the same sectors of the origin, wherever the target starts, so a second ' +
      'one in a table shows the wrong place. Here they start at sector 0.',
  },
  {
    asked: { aspect: 'events', status: 'Overflow', overflowed: 'yes' },
    kernel: '0',
    ours: '1',
    reason: overflowIsAnEvent,
  },
  {
    asked: { aspect: 'events', status: 'Invalid', overflowed: 'yes' },
    kernel: '1',
    ours: '2',
    reason: overflowIsAnEvent,
  },
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
