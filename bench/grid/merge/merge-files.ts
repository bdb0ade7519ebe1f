/**
 * An origin and a COW for merges: every chunk of the origin has an exception. Both are without holes. A merge leaves the data on
 * the COW as they are and clears the list, so writing the list again makes the store full again.
 */
import { closeSync, openSync } from 'node:fs'
import { sectorBytes } from '../../../src/base/units.js'
import { dataChunk, type Geometry, geometryOf } from '../../../src/format/geometry.js'
import { writeList } from '../single/sparse-store.js'
import type { Workplace } from '../workplace.js'
import { orderOf, rangesOf } from './arrangement.js'
import type { MergeCase } from './merge-case.js'

const originName = 'merge-origin.img'
const cowName = 'merge.cow'

export class MergeFiles implements Disposable {
  readonly origin: string
  readonly cow: string
  readonly originBytes: number
  readonly cowBytes: number
  readonly #place: Workplace
  readonly #geometry: Geometry
  readonly #order: Uint32Array

  constructor(place: Workplace, { arrangement, chunkBytes }: MergeCase, originBytes: number) {
    const chunkCount = originBytes / chunkBytes
    this.#place = place
    this.#geometry = geometryOf(chunkBytes / sectorBytes)
    this.#order = orderOf(arrangement, chunkCount, 1)
    this.originBytes = originBytes
    this.cowBytes = cowBytesOf(this.#geometry, chunkCount)
    this.origin = place.fill(place.path(originName), originBytes)
    this.cow = place.fill(place.path(cowName), this.cowBytes)
  }

  /** Bytes that files for so large an origin take, with something to spare. */
  static bytesFor(originBytes: number): number {
    return originBytes * 2.1
  }

  /** The copies that a merge comes to. */
  ranges(): Float64Array<SharedArrayBuffer> {
    return rangesOf(this.#order, this.#geometry)
  }

  /** Gives every chunk its exception. No snapshot may be using the COW. */
  fillList(): void {
    const fd = openSync(this.cow, 'r+')
    writeList(fd, this.#geometry, this.#order.length, (position) => this.#order[position] as number)
    closeSync(fd)
  }

  [Symbol.dispose](): void {
    for (const name of [originName, cowName]) this.#place.remove(name)
  }
}

/** Room for the area after the last entry as well: it ends the list. */
const cowBytesOf = (geometry: Geometry, chunkCount: number): number =>
  (dataChunk(geometry, chunkCount) + 1 + geometry.entriesPerArea) * geometry.chunkBytes
