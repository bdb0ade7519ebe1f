/**
 * Where a snapshot differs from its origin, or two snapshots of one origin from each other, told from their stores.
 *
 * Guarantees: nothing is written; what is opened is locked against writers until the last range has been given. A range that
 * is not listed is the same on both sides. Memory: 16 bytes for each exception (24 while they are sorted), and 2 MiB.
 * Leaves out on purpose: whether the stores are of that origin, or of one origin. The format does not say.
 */
import { bytesToSectors, sectorsToBytes } from '../base/units.js'
import { openSource } from '../io/open-source.js'
import { type DeltaRange, type DeltaSides, deltaRanges } from './delta-ranges.js'
import { checkOriginSectors, originTwice } from './inspect-store.js'
import { sortedExceptions } from './sorted-exceptions.js'
import { bytesOfFile, type StoreBytes } from './store-bytes.js'

export interface DeltaOptions {
  /** The path of the COW of another snapshot of the same origin, to compare with instead of the origin. */
  readonly other?: string
  /** The path of the origin. With it all that may differ is compared, to the sector. */
  readonly origin?: string
  /** The origin's length in sectors, where the origin is not given: cuts off a last chunk that reaches past it. */
  readonly originSectors?: number
}

/**
 * Lists the ranges in which the snapshot with the store at the path `cow` differs from its origin, or from the snapshot with
 * the store `other`: ascending, in bytes of the origin, as few as can be.
 *
 * `kind` is `differs` where the bytes were compared, and then goes by sectors of 512 bytes; and `may-differ` where they could not
 * be: one side has an exception, the other shows the origin, and no `origin` is given. Two stores may have different chunk sizes;
 * where both have an exception, their data is compared. An origin that is in use is refused: what a snapshot shows without an
 * exception changes while it is written to.
 * Fails, before the first range, with INVALID_ARGUMENT, DEVICE_MISSING, DEVICE_UNSUPPORTED, DEVICE_BUSY (an engine is using it),
 * COW_NOT_A_STORE, STORE_VERSION, STORE_CORRUPT (what the loader refuses), SNAPSHOT_INVALID, LIMIT_EXCEEDED; IO_ERROR.
 */
export async function* storeDelta(
  cow: string,
  options: DeltaOptions = {},
): AsyncGenerator<DeltaRange, void, undefined> {
  checkOriginSectors(options.originSectors, cow)
  if (options.origin !== undefined && options.originSectors !== undefined) throw originTwice(options.origin)
  const closes: (() => void)[] = []
  try {
    yield* deltaRanges(await openSides(cow, options, closes))
  } finally {
    for (const close of closes) close()
  }
}

async function openSides(cow: string, options: DeltaOptions, closes: (() => void)[]): Promise<DeltaSides> {
  const open = (path: string, role: 'COW' | 'origin'): StoreBytes => {
    const source = openSource(path, { access: 'read', backend: 'node', role })
    closes.push(() => source.close())
    return bytesOfFile(source, role)
  }
  const origin = options.origin === undefined ? undefined : open(options.origin, 'origin')
  const originSectors = origin === undefined ? options.originSectors : bytesToSectors(origin.sizeBytes)
  const one = await sortedExceptions(open(cow, 'COW'), originSectors)
  const other =
    options.other === undefined ? undefined : await sortedExceptions(open(options.other, 'COW'), originSectors)
  const endBytes = originSectors === undefined ? Number.MAX_SAFE_INTEGER : sectorsToBytes(originSectors)
  return { one, other, origin, endBytes }
}
