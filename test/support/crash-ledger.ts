/**
 * What every sector of every volume may show, from what a killed process announced.
 *
 * A sector may show any write to it that was announced, except those that had been acknowledged before a later one was
 * announced that is acknowledged too. A snapshot's sector may show, besides its own writes, what the origin's could
 * show at some moment between `take` and `taken`. What has been seen once after a kill is settled: nothing else may be
 * seen afterwards without a new write.
 *
 * From `merge` on the origin may show what the snapshot may show, and what is written to the origin then. A kill can come
 * before the merge has begun, and then all is as if it had not been asked for; but once a write to the origin that came after
 * it is acknowledged, it has begun for good.
 *
 * A snapshot whose COW is small may be invalid after a kill. If it is, or was told to be before, it must be so for ever, and
 * nothing more is asked of it.
 */
import { type CrashLine, isSmall, lastingDevices, nameOf, originDevice, originSectors } from './crash-protocol.js'
import { readStamp, type StampReading } from './self-describing.js'

/** One write. Also stands for what was found after a kill, then long acknowledged. */
interface Write {
  readonly device: number
  readonly sequence: number
  readonly sector: number
  readonly sectors: number
  readonly isZeroes: boolean
  readonly announcedAt: number
  acknowledgedAt: number
}

interface VolumeLedger {
  /** For each sector, what it may show. */
  may: Write[][]
  /** When a snapshot was there: from then on the origin's writes are no business of its. */
  takenAt: number
  removing: boolean
  isInvalid: boolean
}

/** A merge that was asked for and whose end was not told. */
interface MergeLedger {
  readonly device: number
  readonly askedAt: number
  /** The snapshot's, and what the origin shows if the merge has not begun; `undefined` when it must have. */
  unmerged: { readonly snapshot: VolumeLedger; readonly origin: Write[][] } | undefined
  /** Whether it goes on by itself. */
  isCancelled: boolean | 'maybe'
}

/** A snapshot that came back after a kill, and what it says of its merge. */
export interface PresentSnapshot {
  readonly device: number
  readonly merging: string | undefined
}

export class CrashLedger {
  #merging: MergeLedger | undefined
  readonly #volumes = new Map<number, VolumeLedger>()
  readonly #inFlight = new Map<number, Write>()
  #clock = 1
  acknowledged = 0
  nextSequence = 1
  nextDevice = lastingDevices.length + 1

  constructor() {
    const first = { device: originDevice, sequence: 0, isZeroes: false }
    const may = Array.from({ length: originSectors }, (_, sector) => [found({ ...first, sector })])
    this.#volumes.set(originDevice, { may, takenAt: 0, removing: false, isInvalid: false })
  }

  apply({ kind, numbers, text }: CrashLine): void {
    this.#clock++
    const [first = -1, device = -1, sector = -1, sectors = -1] = numbers
    if (kind === 'write' || kind === 'zero')
      this.#announce({ sequence: first, device, sector, sectors, isZeroes: kind === 'zero' })
    else if (kind === 'done') this.#acknowledge(first)
    else if (kind === 'refused') this.#refuse(first)
    else if (kind === 'over') this.#giveUp(first)
    else if (kind === 'invalid') this.#becomeInvalid(first)
    else if (kind === 'take') this.#take(first)
    else if (kind === 'taken') this.#volume(first).takenAt = this.#clock
    else if (kind === 'remove') this.#volume(first).removing = true
    else if (kind === 'removed') this.#volumes.delete(first)
    else if (kind === 'merge') this.#beginMerge(first)
    else if (kind === 'merged') this.endMerge(first)
    else if (kind === 'whole') this.#merging = undefined
    else if (kind === 'cancel' || kind === 'again') this.#merge(first).isCancelled = 'maybe'
    else if (kind === 'cancelled') this.#merge(first).isCancelled = true
    else if (!['open', 'opened', 'load', 'close', 'closed', 'pause', 'resume'].includes(kind))
      throw new Error(`the child says: ${kind} ${text}`)
  }

  /** Devices of the snapshots that were there for sure when the process died. */
  get certain(): number[] {
    return this.#snapshots.filter(([, { removing, takenAt }]) => takenAt > 0 && !removing).map(([device]) => device)
  }

  /** The device of the snapshot whose merge is not known to have ended. */
  get merging(): number | undefined {
    return this.#merging?.device
  }

  /** The origin is what the snapshot was, and the snapshot is gone. */
  endMerge(device: number): void {
    this.#merge(device)
    this.#merging = undefined
  }

  /** After a kill: these snapshots came back. Throws if the set is not one that may have been left. */
  settleSnapshots(snapshots: readonly PresentSnapshot[]): void {
    this.#clock++
    this.#inFlight.clear()
    this.#settleMerge(snapshots)
    const present = snapshots.map(({ device }) => device).filter((device) => device !== this.merging)
    const unknown = present.filter((device) => !this.#volumes.has(device))
    const lost = this.certain.filter((device) => !present.includes(device))
    if (unknown.length + lost.length > 0) {
      throw new Error(
        `came back: [${present.map(nameOf)}]; lost: [${lost.map(nameOf)}], unknown: [${unknown.map(nameOf)}]`,
      )
    }
    for (const [device, volume] of this.#snapshots) {
      if (!present.includes(device)) this.#volumes.delete(device)
      volume.removing = false
      volume.takenAt ||= this.#clock
    }
  }

  #settleMerge(snapshots: readonly PresentSnapshot[]): void {
    const stranger = snapshots.find(({ device, merging }) => merging !== undefined && device !== this.merging)
    if (stranger !== undefined) throw new Error(`${nameOf(stranger.device)} is being merged, and nobody asked for it`)
    const merging = this.#merging
    if (merging === undefined) return
    const { device, isCancelled, unmerged } = merging
    const seen = snapshots.find((snapshot) => snapshot.device === device)
    merging.unmerged = undefined
    if (seen === undefined && isCancelled === true)
      throw new Error(`${nameOf(device)} is gone, and its merge was cancelled`)
    if (seen === undefined) {
      this.#merging = undefined
    } else if (seen.merging !== undefined) {
      const isNow = seen.merging === 'cancelled'
      if (isCancelled !== 'maybe' && isNow !== isCancelled)
        throw new Error(`${nameOf(device)} came back ${seen.merging}`)
      merging.isCancelled = isNow
    } else {
      if (unmerged === undefined) throw new Error(`${nameOf(device)} came back, and its merge was forgotten`)
      this.#volume(originDevice).may = unmerged.origin
      this.#volumes.set(device, unmerged.snapshot)
      this.#merging = undefined
    }
  }

  /** Throws if a sector shows what it may not. Afterwards it may only show what it shows now. */
  settleContent(device: number, bytes: Uint8Array): void {
    const { may } = this.#volume(device)
    const wrong: string[] = []
    for (let sector = 0; sector < originSectors; sector++) {
      const stamp = readStamp(bytes, sector * 512)
      const allowed = may[sector] ?? []
      const seen = allowed.find((write) => shows(stamp, write, sector))
      if (seen === undefined) {
        const legal = allowed.map((write) => `${write.sequence} to ${nameOf(write.device)}`)
        wrong.push(`sector ${sector} shows ${JSON.stringify(stamp)}, not write ${legal.join(' or ')}`)
      } else if (allowed.length > 1 || seen.acknowledgedAt !== 0) {
        may[sector] = [found({ ...seen, sector })]
      }
    }
    if (wrong.length === 0) return
    throw new Error(`${nameOf(device)}: ${wrong.length} sectors are wrong:\n  ${wrong.slice(0, 8).join('\n  ')}`)
  }

  /** After a kill: what a snapshot says it is. Throws if it may not be that; false if it is invalid, and has no content. */
  settleStatus(device: number, status: string): boolean {
    const volume = this.#volume(device)
    if (/^\d+\/\d+ \d+$/.test(status) && !volume.isInvalid) return true
    if (status !== 'Invalid' || !isSmall(device)) throw new Error(`${nameOf(device)} is ${status}`)
    volume.isInvalid = true
    return false
  }

  #announce(asked: Omit<Write, 'announcedAt' | 'acknowledgedAt'>): void {
    const write = { ...asked, announcedAt: this.#clock, acknowledgedAt: Number.POSITIVE_INFINITY }
    this.#inFlight.set(write.sequence, write)
    this.nextSequence = write.sequence + 1
    for (const may of this.#reached(write)) may.push(write)
  }

  #acknowledge(sequence: number): void {
    const write = this.#inFlight.get(sequence)
    if (write === undefined) throw new Error(`write ${sequence} was acknowledged and not announced`)
    this.#inFlight.delete(sequence)
    write.acknowledgedAt = this.#clock
    this.acknowledged++
    const merging = this.#merging
    const isBefore = merging !== undefined && write.announcedAt < merging.askedAt
    if (merging !== undefined && write.device === originDevice) {
      // Acknowledged after the merge was asked for, a write from before it may have been rolled back.
      if (isBefore) supersede(merging.unmerged?.origin, write, (other) => other.acknowledgedAt)
      else merging.unmerged = undefined
      if (isBefore) return
    }
    if (merging !== undefined && write.device === merging.device) {
      const snapshot = merging.unmerged?.snapshot
      if (snapshot !== undefined) supersede(snapshot.may, write, settledIn(snapshot, write.device))
      supersede(this.#volume(originDevice).may, write, (other) => other.acknowledgedAt)
      return
    }
    const volume = this.#volumes.get(write.device)
    if (volume !== undefined) supersede(volume.may, write, settledIn(volume, write.device))
  }

  /** The origin may show from now on what the snapshot may show, and what is in flight to it. */
  #beginMerge(device: number): void {
    if (this.#merging !== undefined) throw new Error(`${nameOf(device)} cannot be merged, ${this.merging} is`)
    const origin = this.#volume(originDevice)
    const snapshot = this.#volume(device)
    const settledAt = settledIn(snapshot, device)
    this.#merging = {
      device,
      askedAt: this.#clock,
      unmerged: { snapshot, origin: origin.may },
      isCancelled: false,
    }
    origin.may = snapshot.may.map((writes) =>
      writes.map((write) => (write.device === device ? write : { ...write, acknowledgedAt: settledAt(write) })),
    )
    for (const write of this.#inFlight.values()) {
      if (write.device !== originDevice) continue
      for (let sector = write.sector; sector < write.sector + write.sectors; sector++) origin.may[sector]?.push(write)
    }
    this.#volumes.delete(device)
  }

  #merge(device: number): MergeLedger {
    const merging = this.#merging
    if (merging?.device !== device) throw new Error(`${nameOf(device)} is not being merged`)
    return merging
  }

  #refuse(sequence: number): void {
    const write = this.#inFlight.get(sequence)
    if (write === undefined) throw new Error(`write ${sequence} was refused and not announced`)
    this.#inFlight.delete(sequence)
    for (const may of this.#reached(write)) {
      const index = may.indexOf(write)
      if (index >= 0) may.splice(index, 1)
    }
  }

  /** It will do no more, but may have. */
  #giveUp(sequence: number): void {
    const write = this.#inFlight.get(sequence)
    if (write === undefined) throw new Error(`write ${sequence} failed and was not announced`)
    this.#inFlight.delete(sequence)
    write.acknowledgedAt = this.#clock
  }

  #becomeInvalid(device: number): void {
    if (!isSmall(device)) throw new Error(`${nameOf(device)} has become invalid`)
    const volume = this.#volumes.get(device)
    if (volume !== undefined) volume.isInvalid = true
  }

  #take(device: number): void {
    const may = this.#volume(originDevice).may.map((writes) => writes.slice())
    this.#volumes.set(device, { may, takenAt: 0, removing: false, isInvalid: false })
    this.nextDevice = Math.max(this.nextDevice, device + 1)
  }

  /** The sectors that may show a write: its volume's, and an origin's also in the snapshots being taken. */
  #reached({ device, sector, sectors }: Write): Write[][] {
    const taking = device === originDevice ? this.#snapshots.filter(([, { takenAt }]) => takenAt === 0) : []
    const volumes = [this.#volumes.get(device), ...taking.map(([, volume]) => volume)]
    const { snapshot, origin = [] } = this.#merging?.unmerged ?? {}
    const unmerged = device === originDevice ? origin : device === this.merging ? (snapshot?.may ?? []) : []
    return [...volumes.map((volume) => volume?.may ?? []), unmerged].flatMap((may) =>
      may.slice(sector, sector + sectors),
    )
  }

  #volume(device: number): VolumeLedger {
    const volume = this.#volumes.get(device)
    if (volume === undefined) throw new Error(`${nameOf(device)} is used and was not announced`)
    return volume
  }

  get #snapshots(): [number, VolumeLedger][] {
    return [...this.#volumes].filter(([device]) => device !== originDevice)
  }
}

/** In an origin every write counts from its own acknowledgement; what a snapshot has of the origin, since it was taken. */
const settledIn = (volume: VolumeLedger, device: number) => (other: Write) =>
  device === originDevice || other.device === device ? other.acknowledgedAt : volume.takenAt

/** An acknowledged write hides what was there before it was asked for. */
function supersede(may: Write[][] | undefined, write: Write, settledAt: (other: Write) => number): void {
  for (let sector = write.sector; may !== undefined && sector < write.sector + write.sectors; sector++) {
    may[sector] = (may[sector] ?? []).filter((other) => settledAt(other) >= write.announcedAt)
  }
}

const shows = (stamp: StampReading, write: Write, sector: number): boolean =>
  'sequence' in stamp
    ? !write.isZeroes && stamp.sector === sector && stamp.device === write.device && stamp.sequence === write.sequence
    : 'zero' in stamp && write.isZeroes

const found = ({
  device,
  isZeroes,
  sector,
  sequence,
}: Pick<Write, 'device' | 'isZeroes' | 'sector' | 'sequence'>): Write => ({
  ...{ device, isZeroes, sequence, sector, sectors: 1 },
  ...{ announcedAt: 0, acknowledgedAt: 0 },
})
