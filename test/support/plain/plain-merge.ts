/**
 * A merging snapshot in the plainest way: when it is resumed it merges run by run, from the end of the list, until it is
 * done or something fails.
 */
import { CowringError } from 'cowring'
import { ioError, notSupported } from './plain-error.js'
import { PlainSnapshot, type SnapshotOptions } from './plain-snapshot.js'
import type { PlainStorage } from './plain-storage.js'
import type { Place } from './plain-target.js'

export class PlainMerge extends PlainSnapshot {
  override readonly name = 'snapshot-merge'
  readonly #siblings: () => Iterable<PlainSnapshot>
  #hasFailed = false
  /** Ends of the stretch of the origin whose entries may or may not be on the COW. */
  #uncertain = { from: 0, end: 0 }

  constructor(
    place: Place,
    origin: PlainStorage,
    cow: PlainStorage,
    options: SnapshotOptions & { readonly siblings: () => Iterable<PlainSnapshot> },
  ) {
    super(place, origin, cow, options)
    this.#siblings = options.siblings
  }

  merge(): void {
    if (this.#hasFailed || !this.isValid) return
    for (const { clear, offset, read } of this.runsFromTheEnd()) {
      try {
        const bytes = read()
        this.#writeOrigin(offset, bytes)
        this.#uncertain = { from: offset, end: offset + bytes.length }
        clear()
        this.#uncertain = { from: 0, end: 0 }
      } catch (error) {
        if (!(error instanceof CowringError)) throw error
        this.#hasFailed = true
        return
      }
    }
  }

  override status(): string {
    return this.#hasFailed ? 'Merge failed' : super.status()
  }

  override write(offset: number, bytes: Uint8Array): void {
    for (const piece of this.chunksOf(offset, bytes.length)) {
      const data = bytes.subarray(piece.offset - offset).subarray(0, piece.length)
      if (!this.isValid || !this.hasException(piece.offset)) this.#writeOrigin(piece.offset, data)
      else if (this.#isUncertain(piece.offset)) throw ioError()
      else super.write(piece.offset, data)
    }
  }

  override discard(): void {
    if (!this.takesDiscards) throw notSupported()
  }

  /** It saves nothing: it shows the origin. */
  override preserve(): void {}

  #isUncertain(offset: number): boolean {
    return offset >= this.#uncertain.from && offset < this.#uncertain.end
  }

  #writeOrigin(offset: number, bytes: Uint8Array): void {
    for (const sibling of this.#siblings()) sibling.preserve(offset, bytes.length)
    this.origin.write(offset, bytes)
  }
}
