/**
 * What stepped files went through, effect by effect, and what a crash at any moment would have left of them.
 *
 * Guarantees: `covered` has what barriers cover and nothing else; the others add to that, in part, what no barrier covers yet.
 * Sectors are written whole or not at all, in any order, as disks promise.
 */
import type { Call, SteppedFile } from './stepped-file.js'

const sectorBytes = 512

interface Effect {
  readonly file: string
  readonly call: Call
  readonly byteOffset: number
  readonly bytes: Uint8Array
}

export type Images = ReadonlyMap<string, Uint8Array>

/** What is left after a crash, and in words which of the possibilities it is. */
export interface Remains {
  readonly what: string
  readonly images: Images
}

export class CrashTape {
  readonly #initial: Images
  readonly #effects: Effect[] = []

  constructor(files: readonly SteppedFile[]) {
    this.#initial = new Map(files.map((file) => [file.name, file.bytes.slice()]))
    for (const file of files) {
      file.onEffect = (call, byteOffset, byteLength) => {
        const bytes = file.bytes.slice(byteOffset, byteOffset + byteLength)
        this.#effects.push({ file: file.name, call, byteOffset, bytes })
      }
    }
  }

  /** How many effects there were: a moment between two of them. */
  get now(): number {
    return this.#effects.length
  }

  /** A process that ended: the system has everything that was written. */
  written(moment: number): Remains {
    const images = this.#copy()
    for (const effect of this.#effects.slice(0, moment)) apply(images, effect)
    return { what: `process crash at ${moment}`, images }
  }

  /** Power lost: only what barriers cover; that and each write after them alone, whole and torn; and some sectors of all. */
  *lost(moment: number, random: () => number): Generator<Remains> {
    const covered = this.#copy()
    const open: Effect[] = []
    for (const [index, effect] of this.#effects.slice(0, moment).entries()) {
      if (this.#isCovered(index, moment)) apply(covered, effect)
      else open.push(effect)
    }
    yield { what: `power loss at ${moment}: what barriers cover`, images: covered }
    for (const [index, effect] of open.entries()) {
      yield { what: `power loss at ${moment}: and open write ${index}`, images: added(covered, [effect]) }
      const pieces = sectorsOf(effect)
      if (pieces.length === 1) continue
      yield {
        what: `power loss at ${moment}: and the first of open write ${index}`,
        images: added(covered, pieces.slice(0, 1)),
      }
      yield {
        what: `power loss at ${moment}: and the last of open write ${index}`,
        images: added(covered, pieces.slice(-1)),
      }
    }
    if (open.length === 0) return
    for (let round = 0; round < 2; round++) {
      const some = open.flatMap(sectorsOf).filter(() => random() < 0.5)
      yield { what: `power loss at ${moment}: and some sectors, ${round}`, images: added(covered, some) }
    }
  }

  #isCovered(index: number, moment: number): boolean {
    const { file } = this.#effects[index] as Effect
    for (let later = index + 1; later < moment; later++) {
      const effect = this.#effects[later] as Effect
      if (effect.file === file && effect.call === 'barrier') return true
    }
    return false
  }

  #copy(): Map<string, Uint8Array> {
    return new Map([...this.#initial].map(([name, bytes]) => [name, bytes.slice()]))
  }
}

function apply(images: Images, { byteOffset, bytes, file }: Effect): void {
  images.get(file)?.set(bytes, byteOffset)
}

function added(images: Images, effects: readonly Effect[]): Images {
  const copies = new Map(images)
  for (const { file } of effects) copies.set(file, (images.get(file) as Uint8Array).slice())
  for (const effect of effects) apply(copies, effect)
  return copies
}

function sectorsOf(effect: Effect): Effect[] {
  const count = effect.bytes.length / sectorBytes
  return Array.from({ length: count }, (_, index) => ({
    ...effect,
    byteOffset: effect.byteOffset + index * sectorBytes,
    bytes: effect.bytes.subarray(index * sectorBytes, (index + 1) * sectorBytes),
  }))
}
