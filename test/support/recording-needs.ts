/**
 * What a recording asks of an engine: the features it uses, found in its records.
 *
 * A recording is replayed up to the first record that needs something out of `supported`; what lies behind it depends on
 * what could not be done.
 */

import { type CommandRecord, parseDmsetup, plainOriginLine, plainSnapshotLine, type Recorded } from './recording.js'

export type Feature =
  | 'origin'
  | 'snapshot P'
  | 'snapshot PO'
  | 'snapshot N'
  | 'requests'
  | 'growing a COW'
  | 'reload of a live snapshot'
  | 'reload of an origin'
  | 'merge'
  | 'discard'
  | 'a device that fails or is remapped'
  | 'table syntax'
  | 'a snapshot of a mapped origin'
  | 'handover to another device'
  | 'messages'
  | 'requests below the origin'

/** What the public API can express today. A later feature moves here, and its recordings start to run. */
export const supported: ReadonlySet<Feature> = new Set([
  'origin',
  'snapshot P',
  'snapshot PO',
  'snapshot N',
  'requests',
  'growing a COW',
  'reload of a live snapshot',
])

/** The features a recording uses, each with the first record that does, in order of that record. */
export function recordingNeeds(records: readonly Recorded[]): ReadonlyMap<Feature, number> {
  const needs = new Map<Feature, number>()
  const prepared = new Set<string>()
  const created = new Set<string>()
  records.forEach((record, index) => {
    for (const feature of featuresOf(record, prepared, created)) if (!needs.has(feature)) needs.set(feature, index)
    if (record.t === 'prep') prepared.add(record.dev)
    if (record.t === 'dm' && record.rc === 0) created.add(parseDmsetup(record.cmd).name ?? '')
  })
  return needs
}

/** How many records can be replayed, and what stands in the way of the next; `undefined` if nothing does. */
export function replayable(records: readonly Recorded[]): { length: number; obstacle: Feature | undefined } {
  for (const [feature, index] of recordingNeeds(records)) {
    if (!supported.has(feature)) return { length: index, obstacle: feature }
  }
  return { length: records.length, obstacle: undefined }
}

/** How many of these records say what came of something. */
export const checksIn = (records: readonly Recorded[]): number =>
  records.filter(({ t }) => t === 'io' || t === 'state' || t === 'cow' || t === 'runs').length

function featuresOf(record: Recorded, prepared: ReadonlySet<string>, created: ReadonlySet<string>): Feature[] {
  switch (record.t) {
    case 'dm':
      return featuresOfCommand(record, created)
    case 'prep':
      if (record.do === 'table') return ['a device that fails or is remapped']
      return record.do === 'grow' ? ['growing a COW'] : []
    case 'io':
      if (prepared.has(record.dev)) return ['requests below the origin']
      // Every snapshot can refuse one; to take one it must be made to, by its table line.
      return record.op === 'd' && record.res !== 'EOPNOTSUPP' ? ['discard'] : ['requests']
    default:
      return []
  }
}

function featuresOfCommand(record: CommandRecord, created: ReadonlySet<string>): Feature[] {
  const { verb, name, table } = parseDmsetup(record.cmd)
  if (verb === 'message') return ['messages']
  if (verb !== 'create' && verb !== 'reload') return []
  if (table === undefined) return ['handover to another device']
  const line = table[0]
  if (line === undefined || table.length > 1) return ['table syntax']
  if (line.target === 'snapshot-merge') return ['merge']
  if (plainOriginLine(line) !== undefined) return verb === 'reload' ? ['reload of an origin'] : ['origin']
  if (line.args.some((word) => word.startsWith('discard_'))) return ['discard']
  const snapshot = plainSnapshotLine(line)
  if (snapshot === undefined) return ['table syntax']
  if (created.has(snapshot.origin)) return ['a snapshot of a mapped origin']
  if (verb === 'create') return [`snapshot ${snapshot.store}`]
  return created.has(name ?? '') ? ['reload of a live snapshot'] : ['handover to another device']
}
