/** Stores in which every chunk of the origin has an exception: their order, and the copies that merging them comes to. */
import { dataChunk, type Geometry } from '../../../src/format/geometry.js'
import { copyBytes } from '../../../src/wire/scratch-layout.js'
import { RandomWords, shuffledChunks } from '../addresses.js'
import type { Arrangement } from './merge-case.js'

/** Lengths of the runs of a store that is half contiguous, in chunks. */
const runMin = 16
const runMax = 64

/** The chunk of the origin that the exception at each position is for. */
export function orderOf(arrangement: Arrangement, chunkCount: number, seed: number): Uint32Array {
  if (arrangement === 'random') return shuffledChunks(chunkCount, seed)
  const order = Uint32Array.from({ length: chunkCount }, (_, chunk) => chunk)
  return arrangement === 'contiguous' ? order : halfInRuns(order, seed)
}

/** Half of the chunks in runs, half of them one by one, and both of these in random order. */
function halfInRuns(chunks: Uint32Array, seed: number): Uint32Array {
  const words = new RandomWords(seed)
  const stretches: Uint32Array[] = []
  for (let first = 0; first < chunks.length; ) {
    const length = runMin + words.below(runMax - runMin + 1)
    stretches.push(chunks.subarray(first, first + length))
    // As many that lie alone behind it as it has.
    for (let chunk = first + length; chunk < first + 2 * length; chunk++)
      stretches.push(chunks.subarray(chunk, chunk + 1))
    first += 2 * length
  }
  const shuffled = shuffledChunks(stretches.length, seed)
  const order = new Uint32Array(chunks.length)
  let filled = 0
  for (const index of shuffled) {
    const stretch = stretches[index] ?? new Uint32Array(0)
    order.set(stretch, filled)
    filled += stretch.length
  }
  return order
}

/** Numbers of one range: where it is on the COW, where on the origin, and how long. */
export const rangeNumbers = 3

/** What is to be copied, in the order of the list: neighbours with one call, of as many bytes as the engine's at most. */
export function rangesOf(order: Uint32Array, geometry: Geometry): Float64Array<SharedArrayBuffer> {
  const { chunkBytes } = geometry
  const ranges = new Float64Array(new SharedArrayBuffer(order.length * rangeNumbers * 8))
  let count = 0
  for (let position = 0; position < order.length; ) {
    const oldChunk = order[position] as number
    const newChunk = dataChunk(geometry, position)
    let length = 1
    while ((length + 1) * chunkBytes <= copyBytes && adjoins(order, geometry, position, length)) length++
    ranges.set([newChunk * chunkBytes, oldChunk * chunkBytes, length * chunkBytes], count * rangeNumbers)
    position += length
    count++
  }
  return ranges.subarray(0, count * rangeNumbers)
}

/** True if the exception so far behind another one goes on where that ends, on both sides. */
const adjoins = (order: Uint32Array, geometry: Geometry, position: number, behind: number): boolean =>
  order[position + behind] === (order[position] as number) + behind &&
  dataChunk(geometry, position + behind) === dataChunk(geometry, position) + behind
