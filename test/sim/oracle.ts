/**
 * What each sector of each device may show: now, and after a crash. It knows what was asked for, answered, flushed and in flight.
 *
 * A sector has a list of writes. One is hidden when a later one was answered before anybody looked; it can still come back
 * at a power cut, until a write that was asked for after it was answered is durable.
 *
 * Guarantees: whoever passes reads everything it must and nothing else, as far as the order of requests in flight is defined.
 */
import { sectorBytes } from './system/simulated-disk.js'

export const originDevice = 0
const stampsPerWrite = 2 ** 13
const wordsPerSector = sectorBytes / 8

export interface Write {
  readonly id: number
  readonly device: number
  readonly sector: number
  readonly sectors: number
  readonly isZero: boolean
  readonly announced: number
  settled: number
  isDone: boolean
  isDurable: boolean
  /** It was pending when a flush failed: no later one covers it. */
  isForgotten: boolean
}

interface Entry {
  readonly write: Write
  /** When it was answered, as far as this device is concerned. */
  settled: number
  /** When a later one replaced it. */
  hidden: number
  /** A power cut may bring it back. */
  mayReturn: boolean
  /** Whether it is in this device at all: what was in flight when a snapshot was taken, or a merge begun, may not be. */
  isCertain: boolean
}

type Sectors = Entry[][]

interface Merging {
  readonly device: number
  readonly announced: number
  /** What the origin was: a read from before may still show it. */
  readonly before: Sectors
  /** What the two were, while the merge may not have been remembered. */
  unmerged: { readonly origin: Sectors; readonly snapshot: Sectors } | undefined
}

export class Violation extends Error {}

export class Oracle {
  readonly sectors: number
  merging: Merging | undefined
  #clock = 1
  #nextId = 1
  readonly #devices = new Map<number, Sectors>()
  /** Snapshots that are being taken, and when that was asked for. */
  readonly #taking = new Map<number, number>()
  readonly #inFlight = new Set<Write>()
  /** Those of dead workers. */
  readonly #open = new Set<Write>()

  constructor(sectors: number) {
    this.sectors = sectors
    const first = this.#newWrite(originDevice, 0, sectors, false)
    first.settled = ++this.#clock
    first.isDone = true
    first.isDurable = true
    this.#devices.set(
      originDevice,
      Array.from({ length: sectors }, () => [entryOf(first)]),
    )
  }

  get now(): number {
    return this.#clock
  }

  has(device: number): boolean {
    return this.#devices.has(device)
  }

  /** The bytes of a write. */
  bytesOf(write: Write): Uint8Array {
    const words = new Float64Array(write.sectors * wordsPerSector)
    for (let sector = 0; sector < write.sectors; sector++) {
      const at = sector * wordsPerSector
      words.fill(stampOf(write, write.sector + sector), at, at + wordsPerSector)
    }
    return new Uint8Array(words.buffer)
  }

  originBytes(): Uint8Array {
    return this.bytesOf((this.#list(originDevice, 0)[0] as Entry).write)
  }

  // ── requests ────────────────────────────────────────────────────────────────────────────────────────────────────────

  write(device: number, sector: number, sectors: number, isZero = false): Write {
    const write = this.#newWrite(device, sector, sectors, isZero)
    this.#inFlight.add(write)
    for (const lists of this.#reached(device)) {
      const isCertain = !this.#isTaking(lists)
      for (let each = sector; each < sector + sectors; each++) lists[each]?.push(entryOf(write, isCertain))
    }
    return write
  }

  /** A write was answered: done, or perhaps done in part. */
  settle(write: Write, isDone: boolean): void {
    write.settled = ++this.#clock
    write.isDone = isDone
    this.#inFlight.delete(write)
    const { merging } = this
    for (const lists of this.#reached(write.device)) this.#supersede(lists, write, isDone)
    if (merging?.unmerged === undefined) return
    const isBefore = write.announced < merging.announced
    if (write.device === originDevice && !isBefore && isDone) merging.unmerged = undefined
  }

  /** Its worker died: whoever recovers may still finish it. */
  leaveOpen(write: Write): void {
    this.#open.add(write)
  }

  /** Everything has been recovered. */
  settleOpen(): void {
    for (const write of this.#open) this.settle(write, false)
    this.#open.clear()
  }

  /** A write was answered: refused, and nothing of it done. */
  refuse(write: Write): void {
    this.#inFlight.delete(write)
    for (const lists of this.#all()) {
      for (let sector = write.sector; sector < write.sector + write.sectors; sector++) {
        const list = lists[sector] as Entry[]
        const index = list.findIndex((entry) => entry.write === write)
        if (index >= 0) list.splice(index, 1)
      }
    }
  }

  /** A flush is asked for: from when on it counts. */
  flush(): number {
    return ++this.#clock
  }

  flushed(device: number, announced: number, isDone: boolean): void {
    // A flush from before a merge is one of the origin alone.
    const { merging } = this
    const isEarly = device === originDevice && merging !== undefined && announced < merging.announced
    const lists = isEarly ? merging.before : this.#devices.get(device)
    if (lists === undefined) return
    for (const list of lists) {
      for (const { write } of list) {
        if (device !== originDevice && write.device !== device) continue
        if (!isDone) write.isForgotten = write.isForgotten || !write.isDurable
        else if (write.isDone && write.settled < announced && !write.isForgotten) write.isDurable = true
      }
    }
    if (isDone) for (const each of this.#all()) for (const list of each) forgetSuperseded(list)
  }

  /** A read is asked for: from when on it counts. */
  read(): number {
    return ++this.#clock
  }

  /** Throws if a sector shows what it may not. */
  mayShow(device: number, announced: number, sector: number, bytes: Uint8Array, name: string): void {
    const lists = this.#devices.get(device)
    if (lists === undefined) return
    const isEarly = device === originDevice && this.merging !== undefined && announced < this.merging.announced
    const before = isEarly ? this.merging?.before : undefined
    const words = wordsOf(bytes)
    for (let index = 0; index < bytes.length / sectorBytes; index++) {
      const list = lists[sector + index] as Entry[]
      const found = stampAt(words, index)
      const shows = (entry: Entry) => entry.hidden > announced && stampOf(entry.write, sector + index) === found
      const seen = list.findLast(shows)
      if (seen === undefined) {
        if (before?.[sector + index]?.some(shows) === true) continue
        const may = list.filter(({ hidden }) => hidden > announced)
        throw new Violation(
          `${name} sector ${sector + index} shows ${describe(found)}, and may show ${may.map(nameOf).join(' or ')}`,
        )
      }
      // Once it is settled which of several it is, it stays so.
      if (
        before === undefined &&
        list.length > 1 &&
        list.every((entry) => entry.settled < announced || entry.hidden <= announced)
      ) {
        seen.isCertain = true
        for (const entry of list) if (entry !== seen && entry.hidden === Infinity) entry.hidden = announced
      }
    }
    this.#clock++
  }

  // ── snapshots ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** A snapshot is asked for; what is in flight may be in it. */
  take(device: number): void {
    this.#taking.set(device, ++this.#clock)
    const origin = this.#devices.get(originDevice) as Sectors
    this.#devices.set(
      device,
      origin.map((list) => list.map((entry) => ({ ...entry, isCertain: entry.isCertain && entry.settled < Infinity }))),
    )
  }

  /** From now on nothing of the origin's gets into it. */
  taken(device: number): void {
    this.#taking.delete(device)
    const now = ++this.#clock
    for (const list of this.#devices.get(device) ?? []) {
      for (const entry of list) if (entry.settled > now) entry.settled = now
    }
  }

  forget(device: number): void {
    this.#taking.delete(device)
    this.#devices.delete(device)
  }

  /** The origin shows from now on what the snapshot does. What is in flight to the origin may still be rolled back. */
  beginMerge(device: number): void {
    const snapshot = this.#devices.get(device) as Sectors
    const origin = this.#devices.get(originDevice) as Sectors
    this.merging = { device, announced: ++this.#clock, before: origin, unmerged: { origin, snapshot } }
    const merged = snapshot.map((list) => list.map((entry) => ({ ...entry })))
    for (const write of this.#inFlight) {
      if (write.device !== originDevice) continue
      for (let sector = write.sector; sector < write.sector + write.sectors; sector++) {
        if (merged[sector]?.some((entry) => entry.write === write) !== true) merged[sector]?.push(entryOf(write, false))
      }
    }
    this.#devices.set(originDevice, merged)
    this.#devices.delete(device)
  }

  endMerge(): void {
    this.merging = undefined
  }

  /** It never began: both are what they were. */
  undoMerge(): void {
    const { merging } = this
    if (merging?.unmerged === undefined) throw new Violation('a merge that had begun was forgotten')
    this.#devices.set(originDevice, merging.unmerged.origin)
    this.#devices.set(merging.device, merging.unmerged.snapshot)
    this.merging = undefined
  }

  // ── crashes ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The process has ended; with it what was in flight. At a power cut all that may return is possible again. */
  crash(isPowerCut: boolean): void {
    const now = ++this.#clock
    for (const write of this.#inFlight) write.settled = now
    this.#inFlight.clear()
    this.#open.clear()
    this.#taking.clear()
    for (const lists of this.#all()) {
      for (const list of lists) {
        for (const entry of list) {
          if (entry.settled > now) entry.settled = now
          if (!isPowerCut) continue
          if (entry.mayReturn) entry.hidden = Infinity
          // Whether it is still there will be seen; a flush can make nothing durable that is not.
          entry.write.isForgotten ||= !entry.write.isDurable
        }
      }
    }
  }

  /** After a crash a device shows this, and nothing else from now on. */
  settleContent(device: number, bytes: Uint8Array, isPowerCut: boolean, name: string): void {
    const announced = this.read()
    this.mayShow(device, announced, 0, bytes, name)
    const lists = this.#devices.get(device) as Sectors
    for (const list of lists) {
      const seen = list.findLast(({ hidden }) => hidden === Infinity) as Entry
      seen.settled = Math.min(seen.settled, announced)
      if (!isPowerCut) continue
      // What a power cut has left is on the medium.
      const write = {
        ...seen.write,
        settled: Math.min(seen.write.settled, announced),
        isDurable: true,
        isForgotten: false,
      }
      list.splice(0, list.length, { ...seen, write, settled: write.settled })
    }
  }

  #newWrite(device: number, sector: number, sectors: number, isZero: boolean): Write {
    const facts = { id: this.#nextId++, device, sector, sectors, isZero, announced: ++this.#clock }
    return { ...facts, settled: Infinity, isDone: false, isDurable: false, isForgotten: false }
  }

  #list(device: number, sector: number): Entry[] {
    return (this.#devices.get(device) as Sectors)[sector] as Entry[]
  }

  *#all(): Generator<Sectors> {
    yield* this.#devices.values()
    const unmerged = this.merging?.unmerged
    if (unmerged !== undefined) yield* [unmerged.origin, unmerged.snapshot]
  }

  /** The lists that a write to a device gets into. */
  #reached(device: number): Sectors[] {
    const own = this.#devices.get(device)
    const reached = own === undefined ? [] : [own]
    if (device === originDevice)
      for (const taking of this.#taking.keys()) reached.push(this.#devices.get(taking) as Sectors)
    const unmerged = this.merging?.unmerged
    if (unmerged !== undefined && device === originDevice) reached.push(unmerged.origin)
    if (unmerged !== undefined && device === this.merging?.device) {
      reached.push(unmerged.snapshot)
      if (own === undefined) reached.push(this.#devices.get(originDevice) as Sectors)
    }
    return reached
  }

  #isTaking(lists: Sectors): boolean {
    for (const device of this.#taking.keys()) if (this.#devices.get(device) === lists) return true
    return false
  }

  #supersede(lists: Sectors, write: Write, isDone: boolean): void {
    const isTaking = this.#isTaking(lists)
    const isRolledBack =
      this.merging !== undefined &&
      write.device === originDevice &&
      write.announced < this.merging.announced &&
      lists === this.#devices.get(originDevice)
    for (let sector = write.sector; sector < write.sector + write.sectors; sector++) {
      for (const entry of lists[sector] ?? []) {
        if (entry.write === write) entry.settled = Math.min(entry.settled, write.settled)
        else if (isDone && !isTaking && !isRolledBack && entry.settled < write.announced) {
          entry.hidden = Math.min(entry.hidden, write.settled)
        }
      }
    }
  }
}

const entryOf = (write: Write, isCertain = true): Entry => ({
  write,
  settled: write.settled,
  hidden: Infinity,
  mayReturn: true,
  isCertain,
})

/** A power cut cannot bring back what a durable write has replaced. */
function forgetSuperseded(list: Entry[]): void {
  for (const entry of list) {
    if (!entry.mayReturn) continue
    entry.mayReturn = !list.some(
      ({ isCertain, write }) => write.isDurable && isCertain && entry.settled < write.announced,
    )
  }
  if (list.length > 8) {
    const kept = list.filter(({ hidden, mayReturn }) => mayReturn || hidden === Infinity)
    list.splice(0, list.length, ...kept)
  }
}

const stampOf = ({ id, isZero }: Write, sector: number): number => (isZero ? 0 : id * stampsPerWrite + sector + 1)

const nameOf = ({ write }: Entry): string => (write.isZero ? `zeroes of write ${write.id}` : `write ${write.id}`)

function describe(stamp: number): string {
  if (stamp === 0) return 'zeroes'
  if (!Number.isSafeInteger(stamp) || stamp < 0) return 'a mixture'
  return `write ${Math.floor((stamp - 1) / stampsPerWrite)} to sector ${(stamp - 1) % stampsPerWrite}`
}

/** What a sector says, if all of it says the same. */
function stampAt(words: Float64Array, sector: number): number {
  const start = sector * wordsPerSector
  const stamp = words[start] as number
  for (let word = start + 1; word < start + wordsPerSector; word++) if (words[word] !== stamp) return Number.NaN
  return stamp
}

const wordsOf = (bytes: Uint8Array): Float64Array =>
  bytes.byteOffset % 8 === 0
    ? new Float64Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 8)
    : new Float64Array(bytes.slice().buffer)
