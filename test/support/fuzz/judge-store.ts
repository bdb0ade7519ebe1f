/**
 * Whether loader, check, repair and delta agree about a store, whatever it holds:
 *
 * - each of them ends, after a bounded number of reads and in bounded memory, with an answer or a CowringError of a code that is documented;
 * - what the loader refuses has a problem in check; what has none is loaded; and both read the same exceptions;
 * - after a load for writing nothing is left behind the list;
 * - a repair keeps what its rule says (trusted-entries.ts) with its data, says what is lost, leaves the damaged store as it was,
 *   and writes a store that loads and has no remark; also where sectors cannot be read.
 */
import { CowringError } from '../../../src/base/errors.js'
import { deltaRanges } from '../../../src/control/delta-ranges.js'
import { inspectBytes, type StoreReport } from '../../../src/control/inspect-store.js'
import { type RepairReport, repairBytes } from '../../../src/control/repair-store.js'
import { sortedExceptions } from '../../../src/control/sorted-exceptions.js'
import { BytesInMemory } from './bytes-in-memory.js'
import { type Loaded, loadedFrom } from './loaded.js'
import { mutatedStore, originSectorsOf, type StorePlan } from './mutated-store.js'
import { trustedEntries } from './trusted-entries.js'

/** How a case ended, for the count at the end. */
export type Verdict = string

export async function judgeStore(plan: StorePlan): Promise<Verdict> {
  const bytes = mutatedStore(plan)
  const originSectors = originSectorsOf(plan)
  const readsMax = 64 + bytes.byteLength / 256
  const loaded = await loadedFrom(bytes, originSectors)
  expect(loaded.calls <= readsMax, `the loader made ${loaded.calls} calls`)
  expect(loaded.mapBytes <= 4 * originSectors, `a map of ${loaded.mapBytes} bytes for ${originSectors} sectors`)
  if (loaded.code !== undefined) {
    expect(loaderCodes.has(loaded.code), `the loader failed with ${loaded.code}`)
  }
  const report = await checkAgrees(bytes, originSectors, loaded, readsMax)
  await deltaAgrees(bytes, originSectors, report, loaded, readsMax)
  const repair = await repairKeeps(bytes, plan, originSectors, report, readsMax)
  if (plan.unreadable.length > 0) await repairEnds(bytes, plan, originSectors, 8 * readsMax)
  return `${loaded.outcome === 'refused' ? loaded.code : loaded.outcome}, ${repair}`
}

const loaderCodes = new Set(['STORE_CORRUPT', 'STORE_VERSION', 'COW_NOT_A_STORE', 'LIMIT_EXCEEDED'])
const repairCodes = new Set(['STORE_CORRUPT', 'STORE_VERSION', 'COW_NOT_A_STORE', 'SNAPSHOT_INVALID', 'LIMIT_EXCEEDED'])

function expect(isSo: boolean, otherwise: string): void {
  if (!isSo) throw new Error(otherwise)
}

async function checkAgrees(
  bytes: Uint8Array,
  originSectors: number,
  loaded: Loaded,
  readsMax: number,
): Promise<StoreReport> {
  const inspection = await inspectBytes(new BytesInMemory(bytes, { readsMax }), originSectors)
  const read = new Map<number, number>()
  for await (const { oldChunk, newChunk, problem } of inspection.entries()) {
    if (problem === undefined) read.set(oldChunk, newChunk)
  }
  const report = await inspection.report()
  expect((report.problemCount === 0) === (loaded.outcome === 'loaded'), `${loaded.outcome}, but: ${report.problems}`)
  expect(report.problems.length <= 100 && report.remarks.length <= 10, 'reports are short')
  if (loaded.outcome !== 'loaded') return report
  expect(sameEntries(read, loaded.exceptions), 'check and loader read other exceptions')
  const after = await (await inspectBytes(new BytesInMemory(loaded.bytes), originSectors)).report()
  expect(!after.remarks.some((remark) => remark.includes("behind the list's end")), 'a load clears behind the list')
  expect(after.entries === report.entries, 'a load changes no entry')
  return report
}

async function deltaAgrees(
  bytes: Uint8Array,
  originSectors: number,
  { chunkSectors = 1 }: StoreReport,
  loaded: Loaded,
  readsMax: number,
): Promise<void> {
  try {
    const one = await sortedExceptions(new BytesInMemory(bytes, { readsMax: 2 * readsMax }), originSectors)
    const endBytes = originSectors * 512
    const covered = new Set<number>()
    for await (const range of deltaRanges({ one, other: undefined, origin: undefined, endBytes })) {
      for (let at = range.offset; at < range.offset + range.length; at += chunkSectors * 512) {
        covered.add(at / (chunkSectors * 512))
      }
    }
    expect(sameSet(covered, new Set(loaded.exceptions.keys())), 'delta lists what has exceptions')
    expect(loaded.outcome === 'loaded', `delta reads what is ${loaded.outcome}`)
  } catch (error) {
    if (!(error instanceof CowringError)) throw error
    expect(loaded.outcome !== 'loaded', `delta refuses what loads: ${error.message}`)
  }
}

async function repairKeeps(
  bytes: Uint8Array,
  plan: StorePlan,
  originSectors: number,
  { problems }: StoreReport,
  readsMax: number,
): Promise<string> {
  const before = bytes.slice()
  // Every other damaged header is repaired with the chunk size it had.
  const isGiven = problems.length > 0 && bytes.byteLength % 1024 === 0
  let made: BytesInMemory | undefined
  let report: RepairReport
  try {
    report = await repairBytes({
      from: new BytesInMemory(bytes, { readsMax: 8 * readsMax }),
      originSectors,
      salvageInvalid: true,
      ...(isGiven ? { chunkSectors: plan.chunkSectors } : {}),
      open: (byteLength) => {
        made = new BytesInMemory(new Uint8Array(byteLength), { isFresh: true })
        return made
      },
    })
  } catch (error) {
    if (!(error instanceof CowringError)) throw error
    expect(repairCodes.has(error.code), `repair failed with ${error.code}: ${error.message}`)
    expect(problems.length > 0, `repair refuses a sound store: ${error.message}`)
    expect(made === undefined, 'repair refuses before it opens the new store')
    return `not repaired (${error.code})`
  }
  expect(Buffer.from(before).equals(bytes), 'repair leaves the damaged store as it was')
  if (made === undefined) throw new Error('repair has opened a new store')
  const { chunkSectors } = report
  const trusted = trustedEntries(bytes, chunkSectors, originSectors)
  expect(report.entries === trusted.entries, `${report.entries} entries read, there are ${trusted.entries}`)
  expect(report.kept === trusted.kept.length, `${report.kept} entries kept, ${trusted.kept.length} can be`)
  expect(report.kept + report.dropped.length === report.entries, 'every entry is kept or dropped')
  const lost = new Set<number>()
  for (const { offset, length } of report.lost) {
    for (let at = offset; at < offset + length; at += chunkSectors * 512) lost.add(at / (chunkSectors * 512))
  }
  expect(sameSet(lost, trusted.lost), `lost are ${[...lost]}, not ${[...trusted.lost]}`)
  const after = await loadedFrom(made.bytes, originSectors)
  expect(after.outcome === 'loaded', `the new store is ${after.outcome} ${after.code}`)
  const chunkBytes = chunkSectors * 512
  expect(after.exceptions.size === trusted.kept.length, 'the new store has what was kept')
  for (const { oldChunk, newChunk } of trusted.kept) {
    const copy = after.exceptions.get(oldChunk) ?? 0
    const data = Buffer.from(bytes.subarray(newChunk * chunkBytes, (newChunk + 1) * chunkBytes))
    expect(
      data.equals(made.bytes.subarray(copy * chunkBytes, (copy + 1) * chunkBytes)),
      `chunk ${oldChunk} is the same`,
    )
  }
  const check = await (await inspectBytes(made, originSectors)).report()
  expect(check.problemCount === 0 && check.remarks.length === 0, `${check.problems}${check.remarks}`)
  return report.dropped.length === 0 ? 'repaired whole' : 'repaired in part'
}

/** What is kept where sectors are bad has no second rule; it must be a good store, and every entry accounted for. */
async function repairEnds(bytes: Uint8Array, plan: StorePlan, originSectors: number, readsMax: number): Promise<void> {
  let made: BytesInMemory | undefined
  try {
    const { dropped, entries, kept } = await repairBytes({
      from: new BytesInMemory(bytes, { readsMax, unreadable: plan.unreadable }),
      originSectors,
      salvageInvalid: true,
      open: (byteLength) => {
        made = new BytesInMemory(new Uint8Array(byteLength), { isFresh: true })
        return made
      },
    })
    expect(kept + dropped.length === entries, 'every entry is kept or dropped')
  } catch (error) {
    if (!(error instanceof CowringError)) throw error
    expect(repairCodes.has(error.code) || error.code === 'IO_ERROR', `repair failed with ${error.code}`)
    return
  }
  const { outcome } = await loadedFrom(made?.bytes ?? new Uint8Array(512), originSectors)
  expect(outcome === 'loaded', `the store repaired around bad sectors is ${outcome}`)
}

function sameEntries(one: ReadonlyMap<number, number>, other: ReadonlyMap<number, number>): boolean {
  return one.size === other.size && [...one].every(([key, value]) => other.get(key) === value)
}

const sameSet = (one: ReadonlySet<number>, other: ReadonlySet<number>): boolean =>
  one.size === other.size && [...one].every((value) => other.has(value))
