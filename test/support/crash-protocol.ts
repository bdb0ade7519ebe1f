/**
 * What a crash test's child is told, and the lines it says while it works. Everything is announced before it is
 * asked of the engine, so that its parent knows all that a kill can have left behind.
 *
 *   open · opened                     the origin, and all that goes on by itself then
 *   load                              writes have begun
 *   write <sequence> <device> <sector> <sectors>    about to be asked for
 *   zero <sequence> <device> <sector> <sectors>     the same, of zeroes; or discarded
 *   done <sequence>                   resolved
 *   refused <sequence>                its volume was going away, or takes no discards: nothing of it may ever be seen
 *   over <sequence>                   it failed, as its store is full or its worker died: any part of it may have been done
 *   invalid <device>                  a request was answered so: it must stay so
 *   take <device> · taken <device>    a snapshot is about to be asked for · is there
 *   remove <device> · removed <device>
 *   merge <device> · merged <device>  it is about to be merged into the origin · it is gone, and the origin is what it was
 *   cancel <device> · cancelled <device> · again <device>    its merge
 *   whole                             opened, and no merge is left: one that was under way has ended since
 *   pause · resume                    the merge under way
 *   close · closed                    the origin
 *   failed <text>                     something that must not happen
 */

export const sectorBytes = 512
export const originDevice = 0
/** Sectors of the origin: 6 MiB and a tail that is no whole chunk. */
export const originSectors = 3 * 2 ** 12 + 5

/** The two snapshots that live through many rounds; devices from 3 on are taken and removed under load. */
export const lastingDevices = [1, 2] as const

/** `open`: nothing is written; it is opened, and what was not done goes on. */
export type CrashMode = 'steady' | 'churn' | 'close' | 'merge' | 'open'

export interface CrashOrder {
  readonly folder: string
  readonly seed: number
  readonly workers: number
  readonly mode: CrashMode
  /** Worker threads are terminated meanwhile. */
  readonly workersDie: boolean
  /** COWs that fill up are extended. */
  readonly extends: boolean
  /** Whether snapshots that are missing are taken while writes are in flight, not before. */
  readonly takeUnderLoad: boolean
  /** Numbers that no round before has used. */
  readonly firstSequence: number
  readonly firstDevice: number
  /** Where in the origin most writes begin to go; they move on, so that there are always chunks to copy. */
  readonly firstSector: number
}

export interface CrashLine {
  readonly kind: string
  readonly numbers: readonly number[]
  readonly text: string
}

export function parseLine(line: string): CrashLine {
  const [kind = '', ...words] = line.split(' ')
  return { kind, numbers: words.map(Number), text: words.join(' ') }
}

export const originPath = (folder: string): string => `${folder}/origin.img`
export const cowPath = (folder: string, device: number): string => `${folder}/${nameOf(device)}.cow`
export const nameOf = (device: number): string => (device === originDevice ? 'origin' : `snapshot-${device}`)
export const deviceOf = (name: string): number => (name === 'origin' ? originDevice : Number(name.split('-')[1]))

/** A snapshot whose COW has room for a few chunks: it becomes full under load, unless it is extended. */
export const isSmall = (device: number): boolean => device > lastingDevices.length && device % 2 === 1

export interface CrashStore {
  readonly chunkSectors: number
  readonly store: 'P' | 'PO'
  readonly durability: 'power-loss' | 'process-crash'
  readonly cowBytes?: number
}

/** How a snapshot is taken: the lasting two as different as can be, the others as any. */
export function storeOf(device: number): CrashStore {
  if (device === 1) return { chunkSectors: 8, store: 'P', durability: 'power-loss' }
  if (device === 2) return { chunkSectors: 32, store: 'PO', durability: 'process-crash' }
  const chunkSectors = [16, 1, 64, 8, 32][device % 5] ?? 16
  const durability = device % 3 === 0 ? 'power-loss' : 'process-crash'
  const store = device % 4 < 2 ? 'PO' : 'P'
  // Room for its metadata and some forty chunks.
  const cowBytes = (chunkSectors === 1 ? 60 : 42) * chunkSectors * sectorBytes
  return { chunkSectors, store, durability, ...(isSmall(device) ? { cowBytes } : {}) }
}
