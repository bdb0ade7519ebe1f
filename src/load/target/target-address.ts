/** Where a job's requests go, as it is written: `file:PATH`, `cowring:PATH[,…]`, `nbd+unix://…`. */
import { CowringError, type Durability, type StoreType } from '../../index.js'
import { size, ValueError, whole } from '../job/values.js'

export type TargetAddress =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'nbd'; readonly uri: string }
  | EngineAddress

export interface EngineAddress {
  readonly kind: 'engine'
  /** Of the origin; `undefined` for one in memory. */
  readonly path: string | undefined
  /** Of an origin that is made; one that there is keeps its own. */
  readonly sizeBytes: number | undefined
  /** Taken before the jobs begin, with the names s0, s1, … */
  readonly snapshots: number
  readonly chunkSectors: number | undefined
  readonly store: StoreType | undefined
  readonly durability: Durability | undefined
  /** A folder for the stores; that of the origin without one. */
  readonly cowFolder: string | undefined
  readonly workers: number | undefined
  /** `async`: by promises on the engine's thread. `in-place`: synchronously, on a thread of its own for each clone. */
  readonly calls: 'async' | 'in-place'
  /** What the job works on: `origin`, or the name of a snapshot that there is when the jobs begin. */
  readonly volume: string
}

/** Limit: what an origin may have. */
const snapshotsMax = 64

const settings = {
  size,
  snapshots: whole(0, snapshotsMax),
  chunk: whole(1, 2_097_152),
  store: oneOf<StoreType>(['P', 'PO', 'N']),
  durability: oneOf<Durability>(['power-loss', 'process-crash', 'none']),
  cow: String,
  workers: whole(1, 16),
  calls: oneOf<EngineAddress['calls']>(['async', 'in-place']),
  volume: String,
} as const
type SettingName = keyof typeof settings
const settingNames = Object.keys(settings) as SettingName[]

type Settings = { readonly [Name in SettingName]?: ReturnType<(typeof settings)[Name]> }

/** A bare path is a file. Fails with INVALID_ARGUMENT. */
export function parseTarget(text: string): TargetAddress {
  if (/^nbd(s?|s?\+\w+):\/\//.test(text)) return { kind: 'nbd', uri: text }
  const [, scheme, rest = ''] = /^(file|cowring):(.*)$/s.exec(text) ?? [undefined, 'file', text]
  if (rest === '') throw fault(text, `it names no ${scheme === 'file' ? 'file' : 'origin'}; give ${scheme}:PATH`)
  return scheme === 'cowring' ? parseEngine(text, rest) : { kind: 'file', path: rest }
}

/** Settings stand at the end, so a path may have commas. */
function parseEngine(text: string, rest: string): EngineAddress {
  const parts = rest.split(',')
  const given: string[] = []
  while (parts.length > 1 && /^[a-z]+=/.test(parts.at(-1) ?? '')) given.unshift(parts.pop() ?? '')
  const parsed: Settings = Object.assign({}, ...given.map((setting) => parseSetting(text, setting)))
  const path = parts.join(',')
  const isMemory = path === 'memory'
  if (isMemory && parsed.size === undefined) throw fault(text, 'an origin in memory has a size; add ,size=256m')
  return {
    kind: 'engine',
    path: isMemory ? undefined : path,
    sizeBytes: parsed.size,
    snapshots: parsed.snapshots ?? 0,
    chunkSectors: parsed.chunk,
    store: parsed.store,
    durability: parsed.durability,
    cowFolder: parsed.cow,
    workers: parsed.workers,
    calls: parsed.calls ?? 'async',
    volume: parsed.volume ?? 'origin',
  }
}

function parseSetting(text: string, setting: string): Settings {
  const at = setting.indexOf('=')
  const [key, value] = [setting.slice(0, at), setting.slice(at + 1)]
  const name = settingNames.find((each) => each === key)
  if (name === undefined) throw fault(text, `'${key}' is no setting of it; known are ${settingNames.join(', ')}`)
  try {
    return { [name]: settings[name](value) }
  } catch (error) {
    if (error instanceof ValueError) throw fault(text, `${key} cannot be '${value}', ${error.message}`)
    throw error
  }
}

function oneOf<Word extends string>(words: readonly Word[]) {
  return (text: string): Word => {
    const word = words.find((each) => each === text)
    if (word !== undefined) return word
    throw new ValueError(`it must be one of ${words.join(', ')}`)
  }
}

const fault = (text: string, what: string): CowringError =>
  new CowringError('INVALID_ARGUMENT', `target '${text}': ${what}`)
