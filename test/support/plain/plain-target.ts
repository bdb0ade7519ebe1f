/** A line of a table at work, and the targets that only map: linear, error, flakey, snapshot-origin. */
import { ioError, notSupported } from './plain-error.js'
import type { PlainSnapshot } from './plain-snapshot.js'
import type { PlainStorage } from './plain-storage.js'

/** Offsets are in bytes from the start of the device. */
export interface PlainTarget {
  readonly start: number
  readonly sectors: number
  readonly name: string
  readonly uses: readonly PlainStorage[]
  parameters(): string
  status(): string
  read(offset: number, length: number): Uint8Array
  write(offset: number, bytes: Uint8Array): void
  discard(offset: number, length: number): void
  flush(): void
}

export interface Place {
  readonly start: number
  readonly sectors: number
}

abstract class Mapping implements PlainTarget {
  abstract readonly name: string
  abstract readonly uses: readonly PlainStorage[]
  readonly start: number
  readonly sectors: number

  constructor({ start, sectors }: Place) {
    this.start = start
    this.sectors = sectors
  }
  abstract parameters(): string
  abstract read(offset: number, length: number): Uint8Array
  abstract write(offset: number, bytes: Uint8Array): void
  status(): string {
    return ''
  }
  discard(_offset: number, _length: number): void {
    throw notSupported()
  }
  flush(): void {}
}

export class PlainLinear extends Mapping {
  readonly name: string = 'linear'
  readonly uses: readonly PlainStorage[]
  readonly #on: PlainStorage
  readonly #first: number

  constructor(place: Place, on: PlainStorage, first: number) {
    super(place)
    this.#on = on
    this.#first = first
    this.uses = [on]
  }
  parameters(): string {
    return `${this.#on.number} ${this.#first}`
  }
  read(offset: number, length: number): Uint8Array {
    return this.#on.read(this.#mapped(offset), length)
  }
  write(offset: number, bytes: Uint8Array): void {
    this.#on.write(this.#mapped(offset), bytes)
  }
  override discard(offset: number, length: number): void {
    this.write(offset, new Uint8Array(length))
  }
  #mapped(offset: number): number {
    return offset + (this.#first - this.start) * 512
  }
}

/** Of flakey only the one use that recordings make of it: down all the time, failing writes. */
export class PlainFlakey extends PlainLinear {
  override readonly name = 'flakey'
  override write(): void {
    throw ioError()
  }
}

export class PlainErrors extends Mapping {
  readonly name = 'error'
  readonly uses = []
  parameters(): string {
    return ''
  }
  read(): Uint8Array {
    throw ioError()
  }
  write(): void {
    throw ioError()
  }
}

export class PlainOrigin extends Mapping {
  readonly name = 'snapshot-origin'
  readonly uses: readonly PlainStorage[]
  readonly #on: PlainStorage
  readonly #snapshots: () => Iterable<PlainSnapshot>

  constructor(place: Place, on: PlainStorage, snapshots: () => Iterable<PlainSnapshot>) {
    super(place)
    this.#on = on
    this.uses = [on]
    this.#snapshots = snapshots
  }
  parameters(): string {
    return this.#on.number
  }
  read(offset: number, length: number): Uint8Array {
    return this.#on.read(offset, length)
  }
  write(offset: number, bytes: Uint8Array): void {
    for (const snapshot of this.#snapshots()) snapshot.preserve(offset, bytes.length)
    this.#on.write(offset, bytes)
  }
}
