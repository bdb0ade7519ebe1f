/** From a line of a table to a target at work, with the kernel's words for what is wrong with it. */
import { PlainDevice } from './plain-device.js'
import { TargetRefusal } from './plain-error.js'
import { PlainMerge } from './plain-merge.js'
import { PlainSnapshot, type SnapshotOptions } from './plain-snapshot.js'
import type { PlainStorage } from './plain-storage.js'
import { type Place, PlainErrors, PlainFlakey, PlainLinear, PlainOrigin, type PlainTarget } from './plain-target.js'

/** What targets are made over. */
export interface PlainWorld {
  /** A device or file by path or number; `undefined` if there is none. */
  find(path: string): PlainStorage | undefined
  /** Snapshots of an origin that exist, live or not. */
  snapshotsOf(origin: PlainStorage): readonly PlainSnapshot[]
}

interface Line extends Place {
  readonly target: string
  readonly args: readonly string[]
}

export function parseLines(table: string): readonly Line[] {
  let end = 0
  return table.split('\n').map((text) => {
    const [start, sectors, target = '', ...args] = text.trim().split(/\s+/)
    const line = { start: Number(start), sectors: Number(sectors), target, args }
    if (line.start !== end) throw new TargetRefusal('EINVAL', `${target}: Gap in table (-EINVAL)`, false)
    end += line.sectors
    return line
  })
}

export function makeTarget(world: PlainWorld, line: Line): PlainTarget {
  const { target, args } = line
  if (target === 'error') return new PlainErrors(line)
  if (target === 'linear' || target === 'flakey') {
    const on = device(world, args[0], 'EINVAL', 'Device lookup failed')
    return new (target === 'linear' ? PlainLinear : PlainFlakey)(line, on, Number(args[1]))
  }
  if (target === 'snapshot-origin') {
    if (args.length !== 1) throw new TargetRefusal('EINVAL', 'origin: incorrect number of arguments')
    const on = device(world, args[0], 'ENODEV', 'Cannot get target device')
    return new PlainOrigin(fitting(line, on), on, () => world.snapshotsOf(on))
  }
  if (target === 'snapshot' || target === 'snapshot-merge') return makeSnapshot(world, line)
  throw new TargetRefusal('EINVAL', 'unknown target type')
}

function makeSnapshot(world: PlainWorld, line: Line): PlainSnapshot {
  const [originPath, cowPath, store = '', chunk = '', ...features] = line.args
  if (line.args.length < 4) throw new TargetRefusal('EINVAL', 'requires 4 or more arguments')
  const discards = featureWords(features)
  const origin = device(world, originPath, 'ENODEV', 'Cannot get origin device')
  const cow = device(world, cowPath, 'ENODEV', 'Cannot get COW device')
  if (origin === cow) throw new TargetRefusal('EINVAL', 'COW device cannot be the same as origin device')
  const options = { ...storeWords(store, chunk), ...discards }
  const merges = line.target === 'snapshot-merge'
  if (merges && options.store === 'N') {
    throw new TargetRefusal('EINVAL', 'Snapshot exception store does not support snapshot-merge.')
  }
  const siblings = () => world.snapshotsOf(origin)
  const snapshot = merges
    ? new PlainMerge(fitting(line, origin), origin, cow, { ...options, siblings })
    : new PlainSnapshot(fitting(line, origin), origin, cow, options)
  const [source, ...others] = world.snapshotsOf(origin).filter((other) => other.cow === cow)
  if (source === undefined) snapshot.load()
  else if (source.active && others.length === 0) snapshot.waitFor(source)
  else throw new TargetRefusal('EINVAL', 'Snapshot cow pairing for exception table handover failed')
  return snapshot
}

/** Only the first letter of a store word counts, and of a persistent one the second: as the kernel has it. */
function storeWords(word: string, chunk: string): Pick<SnapshotOptions, 'store' | 'chunkSectors'> {
  const refused = new TargetRefusal('EINVAL', "Couldn't create exception store")
  const [first, second = ''] = word.toUpperCase()
  if ((first !== 'P' && first !== 'N') || (first === 'P' && second !== '' && second !== 'O')) throw refused
  const chunkSectors = /^\d+$/.test(chunk) ? Number(chunk) : -1
  if (chunkSectors === 0 && first === 'N') throw new TargetRefusal('EINVAL', 'Chunk size not set')
  const isLegal = chunkSectors === 0 || (Number.isInteger(Math.log2(chunkSectors)) && chunkSectors < 2 ** 22)
  if (chunkSectors < 0 || !isLegal) throw refused
  return { store: first === 'N' ? 'N' : second === 'O' ? 'PO' : 'P', chunkSectors }
}

/** Words behind the counted ones are ignored, as the kernel does. */
function featureWords([count, ...words]: readonly string[]): Pick<SnapshotOptions, 'zeroes' | 'passdown'> {
  const found = new Set<string>()
  if (count !== undefined) {
    if (!/^[0-2]$/.test(count) || Number(count) > words.length) {
      throw new TargetRefusal('EINVAL', 'Invalid number of feature arguments')
    }
    for (const word of words.slice(0, Number(count))) found.add(word.toLowerCase())
  }
  for (const word of found) {
    if (word !== 'discard_zeroes_cow' && word !== 'discard_passdown_origin') {
      throw new TargetRefusal('EINVAL', 'Unrecognised feature requested')
    }
  }
  const zeroes = found.has('discard_zeroes_cow')
  const passdown = found.has('discard_passdown_origin')
  if (passdown && !zeroes) {
    throw new TargetRefusal('EINVAL', 'discard_passdown_origin feature depends on discard_zeroes_cow')
  }
  return { zeroes, passdown }
}

function device(world: PlainWorld, path: string | undefined, errno: 'ENODEV' | 'EINVAL', cause: string): PlainStorage {
  const found = path === undefined ? undefined : world.find(path)
  if (found === undefined) throw new TargetRefusal(errno, cause)
  return found
}

function fitting(line: Line, on: PlainStorage): Line {
  if (line.sectors <= on.sectors) return line
  const name = on instanceof PlainDevice ? `dm-${on.minor}` : on.number
  const text = `${name} too small for target: start=0, len=${line.sectors}, dev_size=${on.sectors}`
  throw new TargetRefusal('EINVAL', text, false)
}
