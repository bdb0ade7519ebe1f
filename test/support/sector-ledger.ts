/**
 * What a device may show after a crash, sector by sector, worked out from the requests alone: the last write that must have
 * survived, or any that was in flight with it or came later.
 */
import type { SteppedRequest } from './stepped-lane.js'

const sectorBytes = 512

interface Written {
  readonly request: SteppedRequest
  readonly byteOffset: number
  readonly bytes: Uint8Array
  readonly submitted: Moment
  answered: Moment | undefined
  /** When a flush had been answered that came after its answer. */
  flushed: Moment | undefined
}

/** In the order of the test, and among the effects on files. */
interface Moment {
  readonly order: number
  readonly effect: number
}

interface Flush {
  readonly request: SteppedRequest
  readonly submitted: Moment
  isOver: boolean
}

export class SectorLedger {
  readonly #initial: Uint8Array
  readonly #writes: Written[] = []
  readonly #flushes: Flush[] = []
  readonly #effectsNow: () => number
  #order = 0

  /** `effectsNow`: how many effects on files there were. */
  constructor(initial: Uint8Array, effectsNow: () => number) {
    this.#initial = initial
    this.#effectsNow = effectsNow
  }

  write(request: SteppedRequest, byteOffset: number, bytes: Uint8Array): void {
    const written = { request, byteOffset, bytes, submitted: this.#moment(), answered: undefined, flushed: undefined }
    this.#writes.push(written)
  }

  flush(request: SteppedRequest): void {
    this.#flushes.push({ request, submitted: this.#moment(), isOver: false })
  }

  /** Looks which requests have been answered; after every turn. Throws if one has failed. */
  look(): void {
    const now = this.#moment()
    for (const write of this.#writes) {
      if (write.answered !== undefined || write.request.outcome === undefined) continue
      if (write.request.outcome !== 'OK') throw new Error(`a write was answered ${write.request.outcome}`)
      write.answered = now
    }
    for (const flush of this.#flushes) {
      if (flush.isOver || flush.request.outcome === undefined) continue
      flush.isOver = true
      for (const write of this.#writes) {
        if (write.answered !== undefined && write.answered.order < flush.submitted.order) write.flushed ??= now
      }
    }
  }

  get inFlight(): number {
    return this.#writes.filter(({ answered }) => answered === undefined).length
  }

  /** The first sector of `found` that no order of events explains; `undefined` if there is none. */
  problem(found: Uint8Array, moment: number, mustSurvive: 'answered' | 'flushed'): string | undefined {
    const seen = this.#writes.filter(({ submitted }) => submitted.effect <= moment)
    const survives = (write: Written): boolean => (write[mustSurvive]?.effect ?? Number.POSITIVE_INFINITY) <= moment
    for (let at = 0; at < found.length; at += sectorBytes) {
      const here = seen.filter(({ byteOffset, bytes }) => byteOffset <= at && at < byteOffset + bytes.length)
      const sure = here.filter(survives)
      const isOver = ({ answered }: Written): boolean =>
        answered !== undefined && sure.some(({ submitted }) => submitted.order > answered.order)
      const may = here.filter((write) => !isOver(write)).map((write) => sectorOf(write.bytes, at - write.byteOffset))
      if (sure.length === 0) may.push(sectorOf(this.#initial, at))
      const sector = sectorOf(found, at)
      if (may.some((content) => Buffer.compare(content, sector) === 0)) continue
      return `sector ${at / sectorBytes} begins with ${sector.slice(0, 4)}, not with ${may.map((each) => each.slice(0, 4)).join(' or ')}`
    }
    return undefined
  }

  #moment(): Moment {
    return { order: this.#order++, effect: this.#effectsNow() }
  }
}

const sectorOf = (bytes: Uint8Array, at: number): Uint8Array =>
  bytes.subarray(at, Math.min(at + sectorBytes, bytes.length))
