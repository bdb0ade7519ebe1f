/**
 * A merging snapshot in the plainest way: when it is resumed it merges chunk by chunk, from the end of the list, until it is
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
  /** The chunk whose entry may or may not be on the COW. */
  #uncertain: number | undefined

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
    for (const { clear, offset, read } of this.fromTheEnd()) {
      try {
        const bytes = read()
        this.#writeOrigin(offset, bytes)
        this.#uncertain = offset
        clear()
        this.#uncertain = undefined
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
      else if (this.#uncertain === undefined) super.write(piece.offset, data)
      else throw ioError()
    }
  }

  override discard(): void {
    if (!this.takesDiscards) throw notSupported()
  }

  /** It saves nothing: it shows the origin. */
  override preserve(): void {}

  #writeOrigin(offset: number, bytes: Uint8Array): void {
    for (const sibling of this.#siblings()) sibling.preserve(offset, bytes.length)
    this.origin.write(offset, bytes)
  }
}
