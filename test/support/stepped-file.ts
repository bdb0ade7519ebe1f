/**
 * A BlockFile in memory that writes a trace, fails where it is told to, and runs a hook inside a call: a second worker's turn
 * run from inside the first one's read is an interleaving that can be repeated.
 *
 * Guarantees: a failed call moves nothing, unless `failAfter` asked for that. Hooks run after the bytes of a read have moved and before those of a write do, so
 * that whatever they do happens "meanwhile".
 * Leaves out on purpose: what survives a crash; the order of the trace is what the rules are about.
 */
import type { BlockFile } from '../../src/io/block-file.js'
import { assertRange } from '../../src/io/transfer-bounds.js'
import type { Trace } from './stepped-trace.js'

export type Call = 'read' | 'write' | 'zero' | 'discard' | 'barrier'

interface Rule {
  readonly call: Call
  readonly matches: (place: string) => boolean
  readonly act: () => number
  left: number
}

export class SteppedFile implements BlockFile {
  readonly name: string
  bytes: Uint8Array
  /** Told of every call that took effect, right after it did. */
  onEffect: ((call: Call, byteOffset: number, byteLength: number) => void) | undefined
  readonly #arena: Uint8Array
  readonly #trace: Trace
  readonly #placeOf: (byteOffset: number, byteLength: number) => string
  #rules: Rule[] = []
  #lateFailure: { readonly place: string; readonly errno: number } | undefined

  constructor(
    name: string,
    bytes: Uint8Array,
    arena: Uint8Array,
    trace: Trace,
    placeOf: (byteOffset: number, byteLength: number) => string,
  ) {
    this.name = name
    this.bytes = bytes
    this.#arena = arena
    this.#trace = trace
    this.#placeOf = placeOf
  }

  /** Makes calls at places that contain `place` answer `errno`, `times` times. */
  fail(call: Call, place: string, errno = 5, times = Number.POSITIVE_INFINITY): void {
    this.#rules.push({ call, matches: (at) => at.includes(place), act: () => errno, left: times })
  }

  /** Makes the next write at such a place answer `errno` although its bytes have landed. */
  failAfter(place: string, errno = 5): void {
    this.#lateFailure = { place, errno }
  }

  /** Runs `hook` inside the next call at a place that contains `place`. */
  during(call: Call, place: string, hook: () => void): void {
    const act = () => {
      hook()
      return 0
    }
    this.#rules.push({ call, matches: (at) => at.includes(place), act, left: 1 })
  }

  /** Lets every call succeed again. */
  heal(): void {
    this.#rules = []
  }

  read(arenaOffset: number, byteLength: number, fileOffset: number): number {
    const place = this.#placeOf(fileOffset, byteLength)
    this.#trace.add(`${this.name} read ${place}`)
    if (fileOffset + byteLength > this.bytes.length) return 5
    this.#arena.set(this.bytes.subarray(fileOffset, fileOffset + byteLength), arenaOffset)
    return this.#apply('read', place)
  }

  write(arenaOffset: number, byteLength: number, fileOffset: number): number {
    const place = this.#placeOf(fileOffset, byteLength)
    this.#trace.add(`${this.name} write ${place}`)
    if (fileOffset + byteLength > this.bytes.length) return 28
    const errno = this.#apply('write', place)
    if (errno !== 0) return errno
    this.bytes.set(this.#arena.subarray(arenaOffset, arenaOffset + byteLength), fileOffset)
    this.onEffect?.('write', fileOffset, byteLength)
    const late = this.#lateFailure
    if (late === undefined || !place.includes(late.place)) return 0
    this.#lateFailure = undefined
    return late.errno
  }

  zero(byteLength: number, fileOffset: number): number {
    return this.#clear('zero', byteLength, fileOffset)
  }

  discard(byteLength: number, fileOffset: number): number {
    return this.#clear('discard', byteLength, fileOffset)
  }

  extent(_fileOffset: number, byteLength: number): number {
    return byteLength
  }

  barrier(): number {
    this.#trace.add(`${this.name} barrier`)
    const errno = this.#apply('barrier', '')
    if (errno === 0) this.onEffect?.('barrier', 0, 0)
    return errno
  }

  sizeBytes(): number {
    return this.bytes.length
  }

  #clear(call: Call, byteLength: number, fileOffset: number): number {
    assertRange(byteLength, fileOffset)
    const place = this.#placeOf(fileOffset, byteLength)
    this.#trace.add(`${this.name} ${call} ${place}`)
    if (byteLength > 0 && fileOffset + byteLength > this.bytes.length) return 28
    const errno = this.#apply(call, place)
    if (errno !== 0) return errno
    this.bytes.fill(0, fileOffset, fileOffset + byteLength)
    this.onEffect?.(call, fileOffset, byteLength)
    return 0
  }

  #apply(call: Call, place: string): number {
    const rule = this.#rules.find((each) => each.call === call && each.left > 0 && each.matches(place))
    if (rule === undefined) return 0
    rule.left--
    return rule.act()
  }
}
