/**
 * Does to an engine what a recording did to the kernel, and compares everything that the recording says came of it.
 *
 * - Nothing here knows a recording by its name. Every difference is collected, none ends the replay.
 * - Suspend and resume are nothing by themselves: taking a snapshot drains the origin. A reload of a live snapshot is
 *   closing it and continuing its store; except of an overflowed one, which is left alone, because a handover carries the
 *   overflow over and a reopened store does not have it.
 * - A `create` of an origin that exists is a restart of the machine: everything is closed, and what the origin remembers
 *   is taken back.
 * - Not compared: event numbers and kernel logs, which have no counterpart yet.
 */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { compareCow } from './compare-cow.js'
import { md5 } from './digest.js'
import type { EngineUnderTest, OriginUnderTest, SnapshotUnderTest } from './engine-under-test.js'
import type { KnownAnswers } from './known-answers.js'
import { decodeRuns } from './pattern.js'
import { PreparedDevices } from './prepared-devices.js'
import {
  type CommandRecord,
  type CowRecord,
  parseDmsetup,
  plainOriginLine,
  plainSnapshotLine,
  type Recorded,
  type RequestRecord,
  type RunsRecord,
  type SnapshotLine,
  type StateRecord,
  type TableLine,
} from './recording.js'
import { refusalCode } from './refusals.js'
import { answerOf, blocks, digest, expectedAnswer, performRequest } from './replay-request.js'

export interface Difference {
  readonly record: number
  readonly what: string
  readonly expected: string
  readonly found: string
}

type Target =
  | { readonly kind: 'origin'; readonly device: string; readonly volume: OriginUnderTest }
  | ({ readonly kind: 'snapshot'; readonly device: string; readonly volume: SnapshotUnderTest } & SnapshotLine)

/** Replays `records`; COW images are looked for in `images`. */
export async function replay(
  engine: EngineUnderTest,
  records: readonly Recorded[],
  { images, known }: { images: string; known: KnownAnswers },
): Promise<Difference[]> {
  const run = new Replay(engine, images, known)
  try {
    for (const [index, record] of records.entries()) await run.step(index, record)
  } finally {
    await run.end()
  }
  return run.differences
}

export const describeDifferences = (differences: readonly Difference[]): string =>
  differences
    .map(({ record, what, expected, found }) => `record ${record}, ${what}: expected ${expected}, found ${found}`)
    .join('\n')

class Replay {
  readonly differences: Difference[] = []
  private readonly devices = new PreparedDevices()
  private readonly origins = new Map<string, OriginUnderTest>()
  private readonly targets = new Map<string, Target>()
  private readonly reloaded = new Set<string>()
  /** COWs whose snapshot became invalid during a request over several chunks: how many exceptions were there before. */
  private readonly unsettled = new Map<string, number>()
  private readonly engine: EngineUnderTest
  private readonly images: string
  private readonly known: KnownAnswers
  private record = 0

  constructor(engine: EngineUnderTest, images: string, known: KnownAnswers) {
    this.engine = engine
    this.images = images
    this.known = known
  }

  async step(index: number, record: Recorded): Promise<void> {
    this.record = index
    switch (record.t) {
      case 'prep':
        if (record.do === 'cowinit') this.unsettled.delete(record.dev)
        return this.devices.prepare(record)
      case 'dm':
        return this.command(record)
      case 'cmd':
        return record.cmd.startsWith('dmsetup ') ? this.command(record) : undefined
      case 'io':
        return this.request(record)
      case 'state':
        return this.state(record)
      case 'runs':
        return this.runs(record)
      case 'cow':
        return this.cow(record)
    }
  }

  async end(): Promise<void> {
    await this.restart()
    this.devices.remove()
  }

  private async command(record: CommandRecord): Promise<void> {
    const { verb, name = '', table } = parseDmsetup(record.cmd)
    const line = table?.[0]
    if (verb === 'create' && line !== undefined) await this.create(name, line, record)
    else if (verb === 'reload') this.reloaded.add(name)
    else if (verb === 'resume' && this.reloaded.delete(name)) await this.reopen(name)
    else if (verb === 'remove' && record.rc === 0) await this.remove(name)
    else if (verb === 'remove') this.expect(`${name} exists`, 'no', this.targets.has(name) ? 'yes' : 'no')
    else if (verb === 'status') this.listing(record)
  }

  private async create(name: string, line: TableLine, record: CommandRecord): Promise<void> {
    const existing = this.targets.get(name)
    if (existing?.kind === 'origin') await this.restart()
    else if (existing !== undefined) await this.remove(name)
    const recorded = record.rc === 0 ? 'ok' : refusalCode(record.klog)
    const known = this.knownCreation(line, recorded)
    const answer = await answerOf(() => this.makeTarget(name, line))
    this.expect(record.cmd, known ?? recorded, answer)
    if (recorded !== 'ok' || known === undefined || answer === 'ok') return
    // What the engine refuses on purpose, it takes on a blank COW.
    const { cow } = plainSnapshotLine(line) ?? {}
    if (cow !== undefined) await this.devices.blankedDuring(cow, () => this.makeTarget(name, line))
  }

  private knownCreation(line: TableLine, recorded: string): string | undefined {
    const snapshot = plainSnapshotLine(line)
    if (snapshot === undefined) return undefined
    return this.known.creation({ store: snapshot.store, cow: this.devices.cowState(snapshot.cow), recorded })
  }

  private async makeTarget(name: string, line: TableLine): Promise<void> {
    const device = plainOriginLine(line)
    if (device !== undefined) {
      this.targets.set(name, { kind: 'origin', device, volume: await this.origin(device) })
      return
    }
    const snapshot = plainSnapshotLine(line)
    if (snapshot === undefined) throw new Error(`no table that can be replayed: ${line.target} ${line.args.join(' ')}`)
    const origin = await this.origin(snapshot.origin)
    const remembered = origin.snapshots.find((attached) => attached.name === name)
    const volume = remembered ?? (await this.takeSnapshot(origin, name, snapshot))
    this.targets.set(name, { kind: 'snapshot', device: snapshot.origin, volume, ...snapshot })
  }

  private takeSnapshot(origin: OriginUnderTest, name: string, line: SnapshotLine): Promise<SnapshotUnderTest> {
    const { store, chunkSectors } = line
    const cow = this.devices.path(line.cow)
    // Zero is the store's own chunk size or the default, which a transient store does not have.
    const given = chunkSectors !== 0 || store === 'N'
    return origin.snapshot(given ? { cow, store, name, chunkSectors } : { cow, store, name })
  }

  private async origin(device: string): Promise<OriginUnderTest> {
    const origin = this.origins.get(device) ?? (await this.engine.open(this.devices.path(device)))
    this.origins.set(device, origin)
    return origin
  }

  private async reopen(name: string): Promise<void> {
    const target = this.targets.get(name)
    if (target?.kind !== 'snapshot' || target.volume.status() === 'Overflow') return
    await target.volume.remove({ keepStore: true })
    const volume = await this.takeSnapshot(await this.origin(target.device), name, target)
    this.targets.set(name, { ...target, volume })
  }

  private async remove(name: string): Promise<void> {
    const target = this.targets.get(name)
    if (target === undefined) return this.expect(`remove ${name}`, 'a device', 'none')
    this.targets.delete(name)
    if (target.kind === 'snapshot') await target.volume.remove({ keepStore: true })
    if ([...this.targets.values()].some(({ device }) => device === target.device)) return
    await this.origins.get(target.device)?.close()
    this.origins.delete(target.device)
  }

  private async restart(): Promise<void> {
    for (const origin of this.origins.values()) await origin.close()
    this.origins.clear()
    this.targets.clear()
  }

  private async request(record: RequestRecord): Promise<void> {
    const { dev, op, off, len, res } = record
    const target = this.targets.get(dev)
    if (target === undefined) return this.expect(`request on ${dev}`, 'a device', 'none')
    const before = this.statuses(target.device)
    const status = target.kind === 'snapshot' ? target.volume.status() : undefined
    let bytes: Uint8Array | undefined
    const answer = await answerOf(async () => {
      bytes = await performRequest(target.volume, record)
    })
    const what = `${op} on ${dev}, ${len} sectors at ${off}`
    const statusAfter = target.kind === 'snapshot' ? target.volume.status() : undefined
    const expected = this.known.request({ op, status, recorded: res }) ?? expectedAnswer(res, statusAfter)
    this.expect(what, expected, answer)
    if (bytes !== undefined && record.md5 !== undefined) this.expect(what, record.md5, md5(bytes))
    this.noteUnsettled(before, record)
  }

  /** The snapshots of a device with their statuses, by target name. */
  private statuses(device: string): Map<string, string> {
    return new Map(
      [...this.targets].flatMap(([name, target]) =>
        target.kind === 'snapshot' && target.device === device ? [[name, target.volume.status()] as const] : [],
      ),
    )
  }

  private noteUnsettled(before: ReadonlyMap<string, string>, { off, len }: RequestRecord): void {
    for (const [name, status] of before) {
      const target = this.targets.get(name)
      if (target?.kind !== 'snapshot' || status === 'Invalid' || target.volume.status() !== 'Invalid') continue
      const chunkOf = (sector: number): number => Math.floor(sector / target.chunkSectors)
      const numbers = /^(\d+)\/\d+ (\d+)$/.exec(status)
      if (chunkOf(off) === chunkOf(off + len - 1)) continue
      const dataSectors = numbers === null ? 0 : Number(numbers[1]) - Number(numbers[2])
      this.unsettled.set(target.cow, dataSectors / target.chunkSectors)
    }
  }

  private async state(record: StateRecord): Promise<void> {
    const target = this.targets.get(record.name)
    if (record.status.startsWith('error:'))
      return this.expect(record.name, 'none', target === undefined ? 'none' : 'a device')
    if (target === undefined) return this.expect(record.name, record.status, 'no device')
    if (target.kind === 'snapshot') {
      this.expect(`status of ${record.name}`, statusText(record.status), target.volume.status())
    }
    const sectors = Number(record.table.split(' ')[1])
    if (record.md5 === undefined) return
    this.expect(`content of ${record.name}`, record.md5, await digest(target.volume, sectors * 512))
  }

  /** `dmsetup status`: every snapshot in it, and no other. */
  private listing(record: CommandRecord): void {
    const listed = record.out.flatMap((line) => {
      const [, name, status] = /^(\w+): (\d+ \d+ snapshot .*)$/.exec(line) ?? []
      return name === undefined || status === undefined ? [] : [`${name}: ${statusText(status)}`]
    })
    const found = [...this.targets].flatMap(([name, target]) =>
      target.kind === 'snapshot' ? [`${name}: ${target.volume.status()}`] : [],
    )
    this.expect('snapshots listed', listed.sort().join(', '), found.sort().join(', '))
  }

  private async runs(record: RunsRecord): Promise<void> {
    const target = this.targets.get(record.name)
    if (target === undefined) return this.expect(`content of ${record.name}`, 'a device', 'none')
    const sectors = record.runs.reduce((sum, [, length]) => sum + length, 0)
    const content: Uint8Array[] = []
    const answer = await answerOf(async () => {
      for await (const block of blocks(target.volume, sectors * 512)) content.push(block)
    })
    const found = answer === 'ok' ? decodeRuns(Buffer.concat(content)) : [[0, sectors, -4, 0]]
    const at = record.runs.findIndex((run, index) => String(run) !== String(found[index]))
    if (at >= 0) this.expect(`run ${at} of ${record.name}`, String(record.runs[at]), String(found[at]))
  }

  private cow(record: CowRecord): void {
    const image = gunzipSync(readFileSync(join(this.images, record.file)))
    this.expect(`digest of ${record.file}`, record.md5, md5(image))
    const found = this.devices.content(record.name)
    for (const difference of compareCow(image, found, this.unsettled.get(record.name))) {
      this.expect(`${record.file}, ${difference.what}`, difference.expected, difference.found)
    }
  }

  private expect(what: string, expected: string, found: string): void {
    if (expected !== found) this.differences.push({ record: this.record, what, expected, found })
  }
}

/** `0 4096 snapshot 48/112 32` → `48/112 32`. */
const statusText = (line: string): string => line.split(' ').slice(3).join(' ')
