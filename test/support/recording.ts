/**
 * Recordings of a real kernel: what was done to device-mapper, one JSON record a line, and what came of it.
 *
 * The one place that knows the format: the records, the dmsetup command lines inside them, and table lines. Offsets and
 * lengths are in sectors. An unknown record or a command that cannot be split is an error, never skipped.
 */

import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { shellWords } from './conformance/shell-words.js'

export type RequestOp = 'w' | 'ws' | 'r' | 'z' | 'd' | 'zo' | 'f'
/** `[start, length, salt, source]`: salt -1 zeroes, -2 the byte `source`, -3 something else, -4 unreadable. */
export type Run = readonly [number, number, number, number]

export type PrepRecord = { readonly t: 'prep'; readonly dev: string } & (
  | { readonly do: 'linear' | 'grow'; readonly sectors: number }
  | { readonly do: 'fill'; readonly salt: number }
  | { readonly do: 'cowinit' }
  | { readonly do: 'table'; readonly table: string }
)
export interface CommandRecord {
  readonly t: 'dm' | 'cmd'
  readonly cmd: string
  readonly rc: number
  readonly out: readonly string[]
  readonly err: readonly string[]
  readonly klog: readonly string[]
}
export interface RequestRecord {
  readonly t: 'io'
  readonly dev: string
  readonly op: RequestOp
  readonly off: number
  readonly len: number
  readonly salt?: number
  readonly md5?: string
  readonly res: string
}
export interface StateRecord {
  readonly t: 'state'
  readonly name: string
  readonly table: string
  readonly status: string
  readonly events: number
  readonly md5?: string
}
export interface NoteRecord {
  readonly t: 'note'
  readonly text: string
}
export interface RunsRecord {
  readonly t: 'runs'
  readonly name: string
  readonly runs: readonly Run[]
}
export interface CowRecord {
  readonly t: 'cow'
  readonly name: string
  readonly file: string
  readonly sectors: number
  readonly md5: string
}
export type Recorded =
  | PrepRecord
  | CommandRecord
  | RequestRecord
  | StateRecord
  | RunsRecord
  | CowRecord
  | NoteRecord
  | { readonly t: 'env' | 'klog' | 'polls' }

const kinds = new Set(['env', 'note', 'prep', 'dm', 'cmd', 'io', 'klog', 'state', 'runs', 'cow', 'polls'])

export function readRecording(path: string): readonly Recorded[] {
  const lines = gunzipSync(readFileSync(path)).toString('utf8').split('\n')
  return lines
    .filter((line) => line !== '')
    .map((line, index) => {
      const record: unknown = JSON.parse(line)
      if (typeof record !== 'object' || record === null || !('t' in record) || !kinds.has(String(record.t))) {
        throw new Error(`${path}: record ${index} is of no known kind: ${line}`)
      }
      return record as Recorded
    })
}

export interface TableLine {
  readonly start: number
  readonly sectors: number
  readonly target: string
  readonly args: readonly string[]
}
/** A dmsetup command line; `table` is there for `create` and `reload`, unless the line gave none. */
export interface DmsetupCommand {
  readonly verb: string
  readonly name: string | undefined
  readonly table: readonly TableLine[] | undefined
  readonly rest: readonly string[]
}

export function parseDmsetup(commandLine: string): DmsetupCommand {
  const words = shellWords(commandLine)
  if (words[0] !== 'dmsetup' || words[1] === undefined) throw new Error(`not a dmsetup command: ${commandLine}`)
  const [, verb, name, ...rest] = words
  const option = rest.indexOf('--table')
  return { verb, name, table: option < 0 ? undefined : parseTable(rest[option + 1] ?? ''), rest }
}

export const parseTable = (table: string): readonly TableLine[] =>
  table.split('\n').map((line) => {
    const [start, sectors, target, ...args] = line.trim().split(/\s+/)
    return { start: Number(start), sectors: Number(sectors), target: target ?? '', args }
  })

/** The prepared device that a table argument names, without its folder. */
export const deviceName = (argument: string): string => argument.replace(/^\/dev\/(mapper\/)?/, '')

export interface SnapshotLine {
  readonly origin: string
  readonly cow: string
  readonly store: 'P' | 'PO' | 'N'
  readonly chunkSectors: number
  /** The words after the chunk size, the count of them included. */
  readonly features: readonly string[]
}

/** The arguments of a `snapshot` line; `undefined` when it is spelt in a way that only a table parser judges. */
export function snapshotLine(line: TableLine): SnapshotLine | undefined {
  const [origin, cow, store, chunk, ...features] = line.args
  if (line.target !== 'snapshot' || line.start !== 0) return undefined
  if (origin === undefined || cow === undefined || chunk === undefined || !/^\d+$/.test(chunk)) return undefined
  if (store !== 'P' && store !== 'PO' && store !== 'N') return undefined
  return { origin: deviceName(origin), cow: deviceName(cow), store, chunkSectors: Number(chunk), features }
}

/** A `snapshot` line without features. */
export function plainSnapshotLine(line: TableLine): SnapshotLine | undefined {
  const parsed = snapshotLine(line)
  return parsed?.features.length === 0 ? parsed : undefined
}
