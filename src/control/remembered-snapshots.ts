/**
 * The text of an origin's memory: one JSON object with a format version, a sentence for people who find it, and the list.
 *
 * Guarantees: what `encode` writes, `decode` reads back equal; `decode` accepts nothing that would lead to a wrong snapshot
 * being attached, and says which entry is wrong and how. Fields it does not know are ignored: a later version that must not
 * be ignored raises the format version.
 */
import { isPowerOfTwo, sectorBytes } from '../base/units.js'

export interface RememberedSnapshot {
  readonly name: string
  /** The COW's path: relative to the origin's folder when it lies in or below it, else absolute. */
  readonly cow: string
  readonly store: 'P' | 'PO'
  readonly chunkSectors: number
  readonly durability: 'power-loss' | 'process-crash'
  readonly readOnly: boolean
  /** It became invalid and its header could not be written: it opens as Invalid whatever its header says. */
  readonly invalid?: true
  /** It is being merged, which goes on at the next opening unless it was stopped. The origin alone is neither old nor new. */
  readonly merging?: 'running' | 'stopped'
}

/** What is wrong with a text, in words that follow the file's name. */
export class MalformedMemory extends Error {}

export const memoryVersion = 1
/** Of a list with an unfinished merge, which nobody may take for a list of plain snapshots. */
export const mergingVersion = 2
const versionsKnown = [memoryVersion, mergingVersion]
const sentence = 'Snapshots of this image; writing to it without them spoils them. Managed by cowring.'
const sentenceOfDevice = 'Snapshots of this device; writing to it without them spoils them. Managed by cowring.'

/** Longest name device-mapper takes; the same here, so that every snapshot can have its own there. */
const nameLengthMax = 127
/** The largest chunk the format's users accept: 1 GiB. */
const chunkSectorsMax = 2 ** 30 / sectorBytes

export function encode(snapshots: readonly RememberedSnapshot[], device?: string): string {
  const about = device === undefined ? { about: sentence } : { about: sentenceOfDevice, device }
  const list = snapshots.map(({ name, cow, store, chunkSectors, durability, readOnly, invalid, merging }) => ({
    name,
    cow,
    store,
    chunkSectors,
    durability,
    readOnly,
    ...(invalid === true ? { invalid } : {}),
    ...(merging === undefined ? {} : { merging }),
  }))
  const version = list.some(({ merging }) => merging !== undefined) ? mergingVersion : memoryVersion
  return `${JSON.stringify({ ...about, version, snapshots: list }, null, 2)}\n`
}

export function decode(text: string): RememberedSnapshot[] {
  const memory = parse(text)
  if (!isObject(memory)) throw new MalformedMemory('is not a JSON object')
  if (!versionsKnown.some((version) => version === memory.version)) {
    const found = JSON.stringify(memory.version) ?? 'missing'
    throw new MalformedMemory(`has format version ${found}; this cowring knows versions ${versionsKnown.join(' and ')}`)
  }
  const list = memory.snapshots
  if (!Array.isArray(list)) throw new MalformedMemory("has no list 'snapshots'")
  const snapshots = list.map(decodeSnapshot)
  refuseTwins(snapshots)
  if (snapshots.filter(({ merging }) => merging !== undefined).length > 1) {
    throw new MalformedMemory('says of more than one snapshot that it is being merged')
  }
  return snapshots
}

function decodeSnapshot(entry: unknown, index: number): RememberedSnapshot {
  const where = `snapshots[${index}]`
  if (!isObject(entry)) throw new MalformedMemory(`has a ${where} that is not an object`)
  const take = <T>(field: string, holds: (value: unknown) => value is T, wanted: string): T => {
    const value = entry[field]
    if (holds(value)) return value
    throw new MalformedMemory(`has ${where}.${field} = ${JSON.stringify(value) ?? 'nothing'}; it must be ${wanted}`)
  }
  const { invalid, merging } = entry
  return {
    name: take('name', isSnapshotName, "a name of 1 to 127 characters without '/' or control characters"),
    cow: take('cow', isPath, 'a path'),
    store: take('store', oneOf(['P', 'PO']), "'P' or 'PO'"),
    chunkSectors: take('chunkSectors', isChunkSectors, `a power of two from 1 to ${chunkSectorsMax}`),
    durability: take('durability', oneOf(['power-loss', 'process-crash']), "'power-loss' or 'process-crash'"),
    readOnly: take('readOnly', isBoolean, 'true or false'),
    ...(invalid === undefined || take('invalid', isBoolean, 'true or absent') === false ? {} : { invalid: true }),
    ...(merging === undefined
      ? {}
      : { merging: take('merging', oneOf(['running', 'stopped']), "'running', 'stopped' or absent") }),
  }
}

/** One name or one COW twice would attach one store as two snapshots. */
function refuseTwins(snapshots: readonly RememberedSnapshot[]): void {
  for (const field of ['name', 'cow'] as const) {
    const seen = new Set<string>()
    for (const snapshot of snapshots) {
      if (seen.has(snapshot[field])) throw new MalformedMemory(`lists the ${field} '${snapshot[field]}' twice`)
      seen.add(snapshot[field])
    }
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new MalformedMemory(`is not JSON (${error instanceof Error ? error.message : String(error)})`)
  }
}

/** 1 to 127 characters, no '/' and no control characters: it names a snapshot in messages, and a file in a folder. */
export function isSnapshotName(value: unknown): value is string {
  if (typeof value !== 'string' || value.length < 1 || value.length > nameLengthMax) return false
  return ![...value].some((character) => character === '/' || isControl(character.charCodeAt(0)))
}

const isControl = (unit: number): boolean => unit < 0x20 || (unit >= 0x7f && unit < 0xa0)
const isPath = (value: unknown): value is string => typeof value === 'string' && value !== '' && !value.includes('\0')
const isBoolean = (value: unknown): value is boolean => typeof value === 'boolean'
const isChunkSectors = (value: unknown): value is number =>
  typeof value === 'number' && isPowerOfTwo(value) && value <= chunkSectorsMax
const oneOf =
  <const T extends string>(choices: readonly T[]) =>
  (value: unknown): value is T =>
    choices.some((choice) => choice === value)

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
