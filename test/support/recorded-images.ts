/**
 * What each COW image in a recording must show, worked out from the requests alone: the content of the origin and of the
 * snapshot when the image was made, and the chunks that had to be saved, in order.
 *
 * Content is tracked as plain arrays: a snapshot starts as a copy of its origin, and a merge makes its origin a copy of it.
 * Nothing here knows how a store works. Where the kernel's digest of the same content is recorded, both must agree. After
 * a discard or a refused write the requests do not tell the content, and only the recorded digest is left.
 */

import { md5 } from './digest.js'
import { patternBytes } from './pattern.js'
import {
  type CowRecord,
  type DmsetupCommand,
  deviceName,
  parseDmsetup,
  type Recorded,
  type RequestRecord,
  type SnapshotLine,
  type StateRecord,
  snapshotLine,
} from './recording.js'

export interface RecordedImage {
  readonly record: CowRecord
  readonly line: SnapshotLine
  readonly origin: Uint8Array
  /** The md5 of the snapshot's content; `undefined` if it is neither recorded nor follows from the requests. */
  readonly digest: string | undefined
  /** Chunks of the origin that have an exception. */
  readonly savedChunks: readonly number[]
  /** Whether `savedChunks` are in the order of allocation: a merge saves chunks for its siblings in an order of its own. */
  readonly ordered: boolean
}

export function recordedImages(records: readonly Recorded[]): RecordedImage[] {
  const history = new ContentHistory()
  return records.flatMap((record) => history.step(record))
}

interface Origin {
  content: Uint8Array
}

interface Snapshot {
  readonly line: SnapshotLine
  readonly origin: Origin
  /** Undefined when the requests no longer tell it. */
  content: Uint8Array | undefined
  readonly saved: Set<number>
  ordered: boolean
  /** As recorded since the last change. */
  digest: string | undefined
  /** The origin as it was when the snapshot was removed; `undefined` while it lives. */
  originWhenRemoved: Uint8Array | undefined
}

class ContentHistory {
  private readonly origins = new Map<string, Origin>()
  private readonly mappedOrigins = new Map<string, Origin>()
  private readonly live = new Map<string, Snapshot>()
  /** The last snapshot on each COW, also after its removal. */
  private readonly lastOnCow = new Map<string, Snapshot>()

  step(record: Recorded): RecordedImage[] {
    if (record.t === 'prep' && record.do === 'fill') {
      const sectors = (this.origins.get(record.dev)?.content.length ?? 0) / 512
      this.origins.set(record.dev, { content: patternBytes(0, sectors, record.salt) })
    } else if (record.t === 'prep' && record.do === 'cowinit') this.lastOnCow.delete(record.dev)
    else if (record.t === 'prep' && record.do === 'linear' && !this.origins.has(record.dev)) {
      this.origins.set(record.dev, { content: new Uint8Array(record.sectors * 512) })
    } else if (record.t === 'dm' && record.rc === 0) this.command(parseDmsetup(record.cmd))
    else if (record.t === 'io') this.request(record)
    else if (record.t === 'state') this.state(record)
    else if (record.t === 'cow') return this.image(record)
    return []
  }

  private command({ verb, name = '', table }: DmsetupCommand): void {
    const line = table?.[0]
    if (verb === 'remove' || verb === 'create') this.remove(name)
    const origin = this.origins.get(deviceName(line?.args[0] ?? ''))
    if (line === undefined || origin === undefined) return
    if (line.target !== 'snapshot') this.mappedOrigins.set(name, origin)
    if (line.target === 'snapshot-merge') this.merge(origin, deviceName(line.args[1] ?? ''))
    const snapshot = snapshotLine(line)
    if (snapshot !== undefined && verb === 'create') this.create(name, snapshot, origin)
  }

  private create(name: string, line: SnapshotLine, origin: Origin): void {
    const before = line.store === 'N' ? undefined : this.lastOnCow.get(line.cow)
    // An empty store, as a merge leaves it, shows the origin of now.
    const continued = before !== undefined && before.saved.size > 0 ? before : undefined
    const snapshot = continued ?? { ...fresh(line, origin), content: origin.content.slice() }
    snapshot.originWhenRemoved = undefined
    this.live.set(name, snapshot)
    this.lastOnCow.set(line.cow, snapshot)
  }

  private remove(name: string): void {
    const snapshot = this.live.get(name)
    if (snapshot !== undefined) snapshot.originWhenRemoved = snapshot.origin.content.slice()
    this.live.delete(name)
  }

  /** A merge that ran to its end: the origin has become the snapshot, whose store is empty. */
  private merge(origin: Origin, cow: string): void {
    const merged = this.lastOnCow.get(cow)
    if (merged?.content === undefined || merged.origin !== origin) return
    for (const sibling of this.live.values()) {
      if (sibling.origin !== origin) continue
      for (const chunk of merged.saved) save(sibling, chunk * merged.line.chunkSectors, merged.line.chunkSectors)
      sibling.ordered = false
    }
    origin.content = merged.content
    const emptied = { ...fresh(merged.line, origin), content: origin.content.slice() }
    this.lastOnCow.set(cow, { ...emptied, originWhenRemoved: origin.content.slice() })
  }

  private request(record: RequestRecord): void {
    const { dev, op, off, len, res } = record
    const snapshot = this.live.get(dev)
    const origin = this.mappedOrigins.get(dev)
    const isWrite = op === 'w' || op === 'ws' || op === 'z' || op === 'zo'
    if (snapshot !== undefined && (isWrite || (op === 'd' && res === 'ok'))) {
      snapshot.digest = undefined
      if (res === 'ok' && isWrite) snapshot.content?.set(bytesWritten(record), off * 512)
      else snapshot.content = undefined
      if (isWrite) save(snapshot, off, len)
    } else if (origin !== undefined && isWrite) {
      for (const other of this.live.values()) if (other.origin === origin) save(other, off, len)
      origin.content.set(bytesWritten(record), off * 512)
    }
  }

  private state({ name, md5: recorded }: StateRecord): void {
    const snapshot = this.live.get(name)
    if (snapshot === undefined || recorded === undefined || snapshot.digest === recorded) return
    snapshot.digest = recorded
    if (recorded.startsWith('EIO')) snapshot.content = undefined
    if (snapshot.content !== undefined && md5(snapshot.content) !== recorded) {
      throw new Error(`the requests do not make the content that ${name} shows as ${recorded}`)
    }
  }

  private image(record: CowRecord): RecordedImage[] {
    const snapshot = this.lastOnCow.get(record.name)
    if (snapshot === undefined) return []
    const { line, saved, ordered, content } = snapshot
    const origin = snapshot.originWhenRemoved ?? snapshot.origin.content.slice()
    const digest = snapshot.digest ?? (content === undefined ? undefined : md5(content))
    return [{ record, line, origin, digest, savedChunks: [...saved], ordered }]
  }
}

const fresh = (line: SnapshotLine, origin: Origin): Omit<Snapshot, 'content'> => ({
  line,
  origin,
  saved: new Set(),
  ordered: true,
  digest: undefined,
  originWhenRemoved: undefined,
})

function save({ saved, line, origin }: Snapshot, sector: number, sectors: number): void {
  const end = Math.min(sector + sectors, origin.content.length / 512)
  for (let at = sector - (sector % line.chunkSectors); at < end; at += line.chunkSectors) {
    saved.add(at / line.chunkSectors)
  }
}

const bytesWritten = ({ op, off, len, salt = 0 }: RequestRecord): Uint8Array =>
  op === 'z' || op === 'zo' ? new Uint8Array(len * 512) : patternBytes(off, len, salt)
