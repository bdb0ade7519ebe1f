/** States, requests, contents and COW images against the recorded ones. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { compareCow } from '../compare-cow.js'
import { md5 } from '../digest.js'
import { decodeRuns } from '../pattern.js'
import type { CowRecord, RequestRecord, Run, RunsRecord, StateRecord } from '../recording.js'
import type { Asked, Difference } from './differences.js'
import { errnoOf } from './errno.js'
import { deviceInfo, withVolume } from './layer.js'
import { namedTable, recordedTable } from './numbers.js'
import { digest, performRequest, readWhole } from './request.js'
import type { SnapshotWatch } from './snapshot-watch.js'
import type { Surroundings } from './surroundings.js'

const unreadable: Run = [0, 0, -4, 0]

export async function compareState(all: Surroundings, record: StateRecord): Promise<readonly Difference[]> {
  const { layer, storage, watch } = all
  const { name } = record
  const info = deviceInfo(layer, name)
  const table = info === undefined ? 'error:ENXIO' : namedTable(layer, storage, layer.table(name))
  const status = info === undefined ? 'error:ENXIO' : layer.status(name)
  const state = { status: statusWords(status), ...historyOf(watch, name) }
  const differences = [
    ...unlessSame({ aspect: 'table', ...state }, `table of ${name}`, recordedTable(name, record.table), table),
    ...unlessSame({ aspect: 'status', ...state }, `status of ${name}`, record.status, status),
    ...unlessSame({ aspect: 'events', ...state }, `events of ${name}`, record.events, info?.eventNumber ?? -1),
  ]
  if (record.md5 === undefined || info === undefined) return differences
  const found = await withVolume(layer, name, (volume) => digest(volume, info.sectors))
  return [...differences, ...unlessSame({ aspect: 'content', ...state }, `content of ${name}`, record.md5, found)]
}

export async function compareRequest(all: Surroundings, record: RequestRecord): Promise<readonly Difference[]> {
  const { layer, watch } = all
  const { dev, op, off, len } = record
  const what = `${op} on ${dev}, ${len} sectors at ${off}`
  if (deviceInfo(layer, dev) === undefined) return unlessSame({ aspect: 'device', op }, what, record.res, 'no device')
  const before = watch.snapshots()
  const asked = { op, status: statusWords(layer.status(dev)), ...historyOf(watch, dev) }
  let bytes: Uint8Array | undefined
  const found = await errnoOf(async () => {
    bytes = await withVolume(layer, dev, (volume) => performRequest(volume, record))
  })
  watch.afterRequest(before, record)
  return [
    ...unlessSame({ aspect: 'request', ...asked }, what, record.res, found),
    ...(bytes === undefined || record.md5 === undefined
      ? []
      : unlessSame({ aspect: 'data', ...asked }, what, record.md5, md5(bytes))),
  ]
}

export async function compareRuns({ layer }: Surroundings, record: RunsRecord): Promise<readonly Difference[]> {
  const { name, runs } = record
  const asked = { aspect: 'content' } as const
  const info = deviceInfo(layer, name)
  if (info === undefined) return unlessSame({ aspect: 'device' }, `content of ${name}`, 'a device', 'no device')
  const blocks: Uint8Array[] = []
  const failed = await withVolume(layer, name, (volume) =>
    readWhole(volume, info.sectors, (block) => blocks.push(block)),
  )
  const found = failed === undefined ? decodeRuns(Buffer.concat(blocks)) : [unreadableOver(info.sectors)]
  // Of a device of an odd size the recorder left out the last run; the digest of its state covers that too.
  const recordedEnd = (runs.at(-1)?.[0] ?? 0) + (runs.at(-1)?.[1] ?? 0)
  if (recordedEnd < info.sectors && info.sectors % 8 !== 0) found.pop()
  const at = runs.findIndex((run, index) => String(run) !== String(found[index]))
  const differs = at >= 0 ? at : found.length > runs.length ? runs.length : -1
  return differs < 0
    ? []
    : unlessSame(asked, `run ${differs} of ${name}`, String(runs[differs]), String(found[differs]))
}

export async function compareImage(all: Surroundings, record: CowRecord): Promise<readonly Difference[]> {
  const { name, file, sectors } = record
  const asked = { aspect: 'image' } as const
  const image = gunzipSync(readFileSync(join(all.images, file)))
  const blocks: Uint8Array[] = []
  const failed = await withVolume(all.layer, name, (volume) =>
    readWhole(volume, sectors, (block) => blocks.push(block)),
  )
  if (failed !== undefined) return unlessSame(asked, file, 'readable', `unreadable at sector ${failed}`)
  return [
    ...unlessSame(asked, `digest of ${file} itself`, record.md5, md5(image)),
    ...compareCow(image, Buffer.concat(blocks), all.watch.settledExceptions(name)).flatMap((difference) =>
      unlessSame(asked, `${file}, ${difference.what}`, difference.expected, difference.found),
    ),
  ]
}

const historyOf = (watch: SnapshotWatch, name: string): Pick<Asked, 'overflowed' | 'originResumed'> => ({
  overflowed: watch.hasOverflowed(name),
  originResumed: watch.originResumed(name),
})

/** `0 4096 snapshot 48/112 32` → `48/112 32`. */
const statusWords = (status: string): string => status.split(' ').slice(3).join(' ')

const unreadableOver = (sectors: number): Run => [unreadable[0], sectors, unreadable[2], unreadable[3]]

function unlessSame(
  asked: Asked,
  what: string,
  expected: string | number,
  found: string | number,
): readonly Difference[] {
  return expected === found ? [] : [{ asked, what, expected: String(expected), found: String(found) }]
}
