/**
 * What each sector of a volume may hold: every write that was submitted, with the moments of its submission and answer.
 *
 * Moments are numbers of one logical clock, so "before" means what a caller can know. A write that was answered before
 * another one was submitted is superseded by it; writes in flight together may land in either order.
 */
import { readStamp } from '../support/self-describing.js'

interface Write {
  readonly sequence: number
  readonly submitted: number
  /** Infinity while in flight, and for ever if it failed: it may have landed or not. */
  answered: number
}

const never = Number.POSITIVE_INFINITY

export class SectorHistory {
  readonly #writes: Write[][]
  #clock = 0

  /** Sectors start with stamps of the sequences in `shown`, or 0. */
  constructor(sectors: number, shown: readonly number[] = []) {
    this.#writes = Array.from({ length: sectors }, (_, sector) => [
      { sequence: shown[sector] ?? 0, submitted: 0, answered: 0 },
    ])
  }

  now(): number {
    return ++this.#clock
  }

  /** Notes a write; call the answer when it has succeeded. */
  submit(firstSector: number, sectors: number, sequence: number): () => void {
    const write: Write = { sequence, submitted: this.now(), answered: never }
    for (let sector = firstSector; sector < firstSector + sectors; sector++) this.#writes[sector]?.push(write)
    return () => {
      write.answered = this.now()
    }
  }

  /** Forgets writes that are superseded by now; keeps the lists short. */
  forgetSuperseded(): void {
    for (const [sector, writes] of this.#writes.entries()) {
      const latest = Math.max(...writes.map(({ answered, submitted }) => (answered === never ? 0 : submitted)))
      this.#writes[sector] = writes.filter(({ answered }) => answered >= latest)
    }
  }

  /** Whether a sector may have shown `sequence` at some moment between `from` and `to`. */
  allows(sector: number, sequence: number, from: number, to: number): boolean {
    const writes = this.#writes[sector] ?? []
    const found = writes.find((write) => write.sequence === sequence)
    if (found === undefined || found.submitted > to) return false
    return !writes.some(({ answered, submitted }) => submitted > found.answered && answered < from)
  }
}

/** The sequences of the stamps in `bytes`; throws on damage, on another device and on a sector in the wrong place. */
export function sequencesOf(bytes: Uint8Array, device: number, firstSector: number, where: string): number[] {
  const sequences: number[] = []
  for (let at = 0; at < bytes.length; at += 512) {
    const sector = firstSector + at / 512
    const stamp = readStamp(bytes, at)
    if (!('sequence' in stamp) || stamp.device !== device || stamp.sector !== sector) {
      throw new Error(`${where}, sector ${sector}: ${JSON.stringify(stamp)}`)
    }
    sequences.push(stamp.sequence)
  }
  return sequences
}
