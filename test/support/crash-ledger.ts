/**
 * What every sector of every volume may show, from what a killed process announced.
 *
 * A sector may show any write to it that was announced, except those that had been acknowledged before a later one was
 * announced that is acknowledged too. A snapshot's sector may show, besides its own writes, what the origin's could
 * show at some moment between `take` and `taken`. What has been seen once after a kill is settled: nothing else may be
 * seen afterwards without a new write.
 */
import { type CrashLine, lastingDevices, nameOf, originDevice, originSectors } from './crash-protocol.js'
import { readStamp } from './self-describing.js'

/** One write. Also stands for what was found after a kill, then long acknowledged. */
interface Write {
  readonly device: number
  readonly sequence: number
  readonly sector: number
  readonly sectors: number
  readonly announcedAt: number
  acknowledgedAt: number
}

interface VolumeLedger {
  /** For each sector, what it may show. */
  readonly may: Write[][]
  /** When a snapshot was there: from then on the origin's writes are no business of its. */
  takenAt: number
  removing: boolean
}

export class CrashLedger {
  readonly #volumes = new Map<number, VolumeLedger>()
  readonly #inFlight = new Map<number, Write>()
  #clock = 1
  acknowledged = 0
  nextSequence = 1
  nextDevice = lastingDevices.length + 1

  constructor() {
    const may = Array.from({ length: originSectors }, (_, sector) => [found(originDevice, 0, sector)])
    this.#volumes.set(originDevice, { may, takenAt: 0, removing: false })
  }

  apply({ kind, numbers, text }: CrashLine): void {
    this.#clock++
    const [first = -1, device = -1, sector = -1, sectors = -1] = numbers
    if (kind === 'write') this.#announce({ sequence: first, device, sector, sectors })
    else if (kind === 'done') this.#acknowledge(first)
    else if (kind === 'refused') this.#refuse(first)
    else if (kind === 'take') this.#take(first)
    else if (kind === 'taken') this.#volume(first).takenAt = this.#clock
    else if (kind === 'remove') this.#volume(first).removing = true
    else if (kind === 'removed') this.#volumes.delete(first)
    else if (!['load', 'close', 'closed'].includes(kind)) throw new Error(`the child says: ${kind} ${text}`)
  }

  /** Devices of the snapshots that were there for sure when the process died. */
  get certain(): number[] {
    return this.#snapshots.filter(([, { removing, takenAt }]) => takenAt > 0 && !removing).map(([device]) => device)
  }

  /** After a kill: these snapshots came back. Throws if the set is not one that may have been left. */
  settleSnapshots(present: readonly number[]): void {
    this.#clock++
    this.#inFlight.clear()
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

  /** Throws if a sector shows what it may not. Afterwards it may only show what it shows now. */
  settleContent(device: number, bytes: Uint8Array): void {
    const { may } = this.#volume(device)
    const wrong: string[] = []
    for (let sector = 0; sector < originSectors; sector++) {
      const stamp = readStamp(bytes, sector * 512)
      const allowed = may[sector] ?? []
      const seen =
        'sequence' in stamp && stamp.sector === sector
          ? allowed.find((write) => write.device === stamp.device && write.sequence === stamp.sequence)
          : undefined
      if (seen === undefined) {
        const legal = allowed.map((write) => `${write.sequence} to ${nameOf(write.device)}`)
        wrong.push(`sector ${sector} shows ${JSON.stringify(stamp)}, not write ${legal.join(' or ')}`)
      } else if (allowed.length > 1 || seen.acknowledgedAt !== 0) {
        may[sector] = [found(seen.device, seen.sequence, sector)]
      }
    }
    if (wrong.length === 0) return
    throw new Error(`${nameOf(device)}: ${wrong.length} sectors are wrong:\n  ${wrong.slice(0, 8).join('\n  ')}`)
  }

  #announce(asked: Pick<Write, 'sequence' | 'device' | 'sector' | 'sectors'>): void {
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
    const volume = this.#volumes.get(write.device)
    if (volume === undefined) return
    for (let sector = write.sector; sector < write.sector + write.sectors; sector++) {
      const settledAt = (other: Write) => (other.device === write.device ? other.acknowledgedAt : volume.takenAt)
      volume.may[sector] = (volume.may[sector] ?? []).filter((other) => settledAt(other) >= write.announcedAt)
    }
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

  #take(device: number): void {
    const may = this.#volume(originDevice).may.map((writes) => writes.slice())
    this.#volumes.set(device, { may, takenAt: 0, removing: false })
    this.nextDevice = Math.max(this.nextDevice, device + 1)
  }

  /** The sectors that may show a write: its volume's, and an origin's also in the snapshots being taken. */
  #reached({ device, sector, sectors }: Write): Write[][] {
    const taking = device === originDevice ? this.#snapshots.filter(([, { takenAt }]) => takenAt === 0) : []
    const volumes = [this.#volumes.get(device), ...taking.map(([, volume]) => volume)]
    return volumes.flatMap((volume) => volume?.may.slice(sector, sector + sectors) ?? [])
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

const found = (device: number, sequence: number, sector: number): Write => ({
  ...{ device, sequence, sector, sectors: 1 },
  ...{ announcedAt: 0, acknowledgedAt: 0 },
})
