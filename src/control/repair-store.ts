/**
 * Repairing a COW store: a new one is written from what can be trusted of the old one, and it is said what was lost.
 *
 * Guarantees: the damaged store is opened for reading and locked against writers; it is not written to. The new one is there
 * whole or not at all: a failure takes back what was written, a crash leaves a COW without a header.
 * Leaves out on purpose: guessing. What can be trusted is in entry-conflicts.ts, and how far a list is read that has
 * unreadable sectors in store-list.ts.
 */
import { CowringError } from '../base/errors.js'
import { bytesToSectors, sectorsToBytes } from '../base/units.js'
import { geometryOf } from '../format/geometry.js'
import { type OpenedSource, openSource } from '../io/open-source.js'
import { type ByteRange, rangesOf } from './chunk-ranges.js'
import { copyStore, extentChunks } from './copy-store.js'
import type { DroppedEntry } from './entry-conflicts.js'
import { checkOriginSectors, inspectBytes, originTwice } from './inspect-store.js'
import { judgeDamagedHeader } from './repair-header.js'
import { planRepair, type RepairPlan } from './repair-plan.js'
import { RepairTarget, requireBlank } from './repair-target.js'
import { bytesOfFile, type StoreBytes, type WritableBytes } from './store-bytes.js'
import { endlessList, originChunksMax } from './store-checks.js'

export interface RepairOptions {
  /** The origin's length in sectors: entries past its end are left out. */
  readonly originSectors?: number
  /** The path of the origin, instead of its length; it must not be in use. */
  readonly origin?: string
  /** Takes this for the chunk size, in sectors, whatever the header says: for a header that is damaged. */
  readonly chunkSectors?: number
  /** Also repairs a store that was invalidated. What comes of it shows no moment of the origin. False by default. */
  readonly salvageInvalid?: boolean
  /** Stops it: the repair rejects with the signal's reason, and takes back what it has written. */
  readonly signal?: AbortSignal
}

/** What a repair has done. */
export interface RepairReport {
  /** The paths of the damaged store and of the new one. */
  readonly from: string
  readonly to: string
  readonly chunkSectors: number
  /** Entries that could be read in the damaged store. */
  readonly entries: number
  /** Entries of the new store. */
  readonly kept: number
  /** Entries that were left out, in the order of the list, each with the reason. */
  readonly dropped: readonly DroppedEntry[]
  /**
   * Where the snapshot shows what the origin holds now, because its copy is lost: in bytes, ascending, merged. A chunk that no
   * entry names any more is not among them; `notes` says if there may be one.
   */
  readonly lost: readonly ByteRange[]
  /** What is wrong beyond single entries: what is lost without a range that could be named, and what was assumed. */
  readonly notes: readonly string[]
}

/** What there is to repair with; the bytes are open. */
export interface RepairJob extends Omit<RepairOptions, 'origin'> {
  readonly from: StoreBytes
  /** Opens the new COW, making one of so many bytes if there is none. */
  readonly open: (byteLength: number) => WritableBytes
}

/**
 * Writes a new store at the path `to` with the exceptions of the store at `from` that nothing in it contradicts, and their
 * data: the same chunk size, packed without gaps, at least as large in whole chunks. `from` is only read.
 *
 * `to` must not exist, or be blank: zero wherever the new store will be, and long enough. It must not be `from`, by whatever
 * path. Resolves when the new store is durable, name and size included. If it rejects, also because `signal` stopped it, `to` is
 * as it was: a file that was made is gone.
 * What a store that was sound shows does not change. Otherwise the report says what was lost; the snapshot shows the origin's
 * present content there.
 * Fails with INVALID_ARGUMENT (options; `to` is `from`, or not blank), DEVICE_MISSING, DEVICE_UNSUPPORTED, DEVICE_BUSY (an
 * engine is using it), COW_NOT_A_STORE, STORE_VERSION, STORE_CORRUPT (the header is damaged and `chunkSectors` is not given; or
 * there are entries, and none can be trusted), SNAPSHOT_INVALID (invalidated, without `salvageInvalid`), COW_TOO_SMALL (`to`),
 * LIMIT_EXCEEDED (more than 262,144 entries are wrong), IO_ERROR.
 */
export async function repairStore(from: string, to: string, options: RepairOptions = {}): Promise<RepairReport> {
  const { origin, ...wishes } = options
  checkOriginSectors(wishes.originSectors, from)
  if (origin !== undefined && wishes.originSectors !== undefined) throw originTwice(origin)
  const target = new RepairTarget(to)
  const opened: OpenedSource[] = []
  const open = (path: string, role: 'COW' | 'origin') => {
    const source = openSource(path, { access: 'read', backend: 'node', role })
    opened.push(source)
    target.refuse(source)
    return source
  }
  try {
    const source = open(from, 'COW')
    const known = origin === undefined ? {} : { originSectors: bytesToSectors(open(origin, 'origin').sizeBytes) }
    return await repairBytes({
      ...wishes,
      ...known,
      from: bytesOfFile(source, 'COW'),
      open: (byteLength) => target.open(byteLength),
    })
  } catch (error) {
    await target.takeBack()
    throw error
  } finally {
    target.close()
    for (const source of opened) source.close()
  }
}

/** The same between bytes that are open. Fails as it does. */
export async function repairBytes(job: RepairJob): Promise<RepairReport> {
  const { from, originSectors } = job
  const { chunkSectors, notes } = await judgeDamagedHeader(from, job)
  const geometry = geometryOf(chunkSectors)
  const { chunkBytes } = geometry
  const originBytes = originSectors === undefined ? undefined : sectorsToBytes(originSectors)
  const originChunks = originBytes === undefined ? undefined : Math.ceil(originBytes / chunkBytes)
  const cowChunks = Math.floor(from.sizeBytes / chunkBytes)
  const plan = await planRepair(from, { geometry, cowChunks, originChunks })
  const trusted = plan.entries - plan.dropped.length
  requireSomething(from, plan, trusted)
  const extent = extentChunks(geometry, trusted)
  const to = job.open(Math.max(cowChunks, extent) * chunkBytes)
  await requireBlank(to, geometry, extent)
  const { kept, dropped } = await copyStore(from, to, plan, job.signal)
  await requireGood(to, originSectors, kept)
  const all = [...plan.dropped, ...dropped].toSorted((a, b) => a.entry - b.entry)
  const lostChunks = all.filter(({ isLost }) => isLost).map(({ oldChunk }) => oldChunk)
  return {
    from: from.name,
    to: to.name,
    chunkSectors,
    entries: plan.entries,
    kept,
    dropped: all,
    lost: rangesOf(lostChunks, geometry, originBytes ?? originChunksMax(geometry) * chunkBytes),
    notes: [...notes, ...listNotes(plan), ...unnamedNotes(all)],
  }
}

/**
 * An entry that says what another says, or is for no chunk that there is, was perhaps for a chunk that no entry names any more:
 * its copy is lost, and nobody can say where.
 */
function unnamedNotes(dropped: readonly DroppedEntry[]): string[] {
  const named = new Set(dropped.filter(({ isLost }) => isLost).map(({ oldChunk }) => oldChunk))
  const unnamed = dropped.length - named.size
  if (unnamed === 0) return []
  const which = unnamed === 1 ? 'an entry that was left out was' : `${unnamed} entries that were left out were`
  const where = unnamed === 1 ? 'that one shows' : 'those show'
  return [
    `${which} perhaps for another chunk than said: ${where} the origin's present content too, and cannot be named`,
  ]
}

function listNotes({ end, unreadable }: RepairPlan): string[] {
  const notes = unreadable.map(({ first, last, reason }) => {
    const which = first === last ? `entry ${first}` : `entries ${first} to ${last}`
    return `${which} cannot be read, and which chunks they were for is lost with them: ${reason}`
  })
  if (end === 'none') notes.push('the list went on past the end of the COW: entries that lay there are lost')
  if (end === 'unreadable') notes.push('the list was not followed past an area whose end cannot be read')
  return notes
}

/** An empty store in place of one that cannot be understood would look like a good one of an unchanged origin. */
function requireSomething({ name }: StoreBytes, plan: RepairPlan, trusted: number): void {
  if (trusted > 0 || (plan.entries === 0 && plan.end === 'mark' && plan.unreadable.length === 0)) return
  const first = plan.dropped[0]?.reason ?? plan.unreadable[0]?.reason ?? endlessList
  const text = `there is nothing in ${name} that can be trusted (${first})`
  throw new CowringError('STORE_CORRUPT', `${text}; nothing was written`, { path: name, reason: first })
}

/** Reads the new store as `check` does. */
async function requireGood(to: StoreBytes, originSectors: number | undefined, kept: number): Promise<void> {
  const inspection = await inspectBytes(to, originSectors)
  const { entries, problemCount, problems } = await inspection.report()
  if (problemCount === 0 && entries === kept) return
  const what = problems[0] ?? `it has ${entries} entries instead of ${kept}`
  const text = `${to.name} does not read back as it was written: ${what}. Look at the system log for the cause`
  throw new CowringError('IO_ERROR', text, { path: to.name })
}
