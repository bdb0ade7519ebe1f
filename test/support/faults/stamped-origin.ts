/**
 * An origin whose sectors say which write they are of, and what each of them must show: the oracle of tests in which files
 * fail underneath. Writes are of one chunk of 8 sectors each, many in flight, never two at once to one place.
 */
import { writeFileSync } from 'node:fs'
import { CowringError, type Origin, type Snapshot } from 'cowring'
import type { Random } from '../model-random.js'
import { readStamp, stampSectors } from '../self-describing.js'

const device = 1
const writeSectors = 8
const inFlightMax = 48

/** The sequence that a sector shows; -1 for one whose write failed, which shows the old or the new one. */
export type Shown = readonly number[]

export class StampedOrigin {
  readonly sectors: number
  readonly #random: Random
  #shown: number[]
  #before: number[]
  #sequence = 0

  constructor(path: string, sectors: number, random: Random) {
    this.sectors = sectors
    this.#random = random
    this.#shown = new Array(sectors).fill(0)
    this.#before = [...this.#shown]
    const image = new Uint8Array(sectors * 512)
    stampSectors(image, { device, firstSector: 0, sequence: 0 })
    writeFileSync(path, image)
  }

  /** What it must show now; what a snapshot that is taken now must show for ever. */
  get shown(): Shown {
    return [...this.#shown]
  }

  /** Writes to every chunk from sector `from` to `to`, in random order; the failures. Meanwhile `beside` is done again and again. */
  async overwrite(
    volume: Origin | Snapshot,
    { beside, from = 0, to = this.sectors }: { beside?: () => Promise<void>; from?: number; to?: number } = {},
  ): Promise<CowringError[]> {
    const failures: CowringError[] = []
    const places: number[] = []
    for (let sector = from; sector < to; sector += writeSectors) places.push(sector)
    places.sort(() => this.#random.next() - 0.5)
    let isOver = false
    const besides = (async () => {
      while (beside !== undefined && !isOver) await beside()
    })()
    const lanes = Array.from({ length: inFlightMax }, async () => {
      for (let sector = places.pop(); sector !== undefined; sector = places.pop()) {
        const failure = await this.#write(volume, sector, Math.min(writeSectors, to - sector))
        if (failure !== undefined) failures.push(failure)
      }
    })
    await Promise.all(lanes).finally(() => {
      isOver = true
    })
    await besides
    return failures
  }

  /** The first sector of the origin that is not what it must be. */
  async wrong(origin: Origin, from = 0, to = this.sectors): Promise<string | undefined> {
    for (let sector = from; sector < to; sector++) {
      // Either is right, once.
      if (this.#shown[sector] !== -1) continue
      const stamp = await sequenceAt(origin, sector)
      if (stamp !== undefined && stamp === this.#before[sector]) this.#shown[sector] = stamp
    }
    return wrongSector(origin, this.#shown, from, to)
  }

  async #write(volume: Origin | Snapshot, sector: number, count: number): Promise<CowringError | undefined> {
    const sequence = ++this.#sequence
    const bytes = new Uint8Array(count * 512)
    stampSectors(bytes, { device, firstSector: sector, sequence })
    try {
      await volume.write(sector * 512, bytes)
      this.#shown.fill(sequence, sector, sector + count)
      return undefined
    } catch (error) {
      if (!(error instanceof CowringError)) throw error
      for (let at = sector; at < sector + count; at++) {
        if (this.#shown[at] !== -1) this.#before[at] = this.#shown[at] as number
        this.#shown[at] = -1
      }
      return error
    }
  }
}

async function sequenceAt(volume: Origin | Snapshot, sector: number): Promise<number | undefined> {
  const stamp = readStamp(await volume.read(sector * 512, 512), 0)
  return 'sequence' in stamp ? stamp.sequence : undefined
}

/** The first sector from `from` to `to` that shows something else; one whose write failed may show anything. */
export async function wrongSector(
  volume: Origin | Snapshot,
  shown: Shown,
  from = 0,
  to = shown.length,
): Promise<string | undefined> {
  return wrongIn(await volume.read(from * 512, (to - from) * 512), shown, from)
}

export function wrongIn(bytes: Uint8Array, shown: Shown, from: number): string | undefined {
  for (let sector = from; sector < from + bytes.length / 512; sector++) {
    const stamp = readStamp(bytes, (sector - from) * 512)
    const isRight = 'sequence' in stamp && stamp.sector === sector && stamp.sequence === shown[sector]
    if (!isRight && shown[sector] !== -1)
      return `sector ${sector} shows ${JSON.stringify(stamp)}, not write ${shown[sector]}`
  }
  return undefined
}
