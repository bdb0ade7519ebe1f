/**
 * Many writers at once, each writing blocks at random places and keeping one request in flight.
 *
 * Writer N has the blocks N, N + writers, …, so that two writes of one block never overlap and the last one is known.
 * Guarantees: when it resolves, every write was acknowledged and recorded; when it rejects, with the first error, no
 * request is in flight any more.
 */
import type { WrittenBlocks } from './written-blocks.js'

export interface Writable {
  write(byteOffset: number, bytes: Uint8Array): Promise<void>
}

export interface LoadPlan {
  /** How many requests are in flight. */
  readonly depth: number
  /** Asked before each write; the load ends when it says so. */
  readonly isOver: (writesBegun: number) => boolean
  /** Called some ten times a second. */
  readonly onProgress?: (progress: { readonly writes: number; readonly seconds: number }) => void
}

export interface LoadResult {
  readonly writes: number
  readonly bytes: number
  readonly seconds: number
}

const progressEveryMs = 100

export async function writeAtRandom(device: Writable, written: WrittenBlocks, plan: LoadPlan): Promise<LoadResult> {
  const writers = Math.min(plan.depth, written.blocks)
  const startedAt = performance.now()
  const secondsSoFar = (): number => (performance.now() - startedAt) / 1000
  let begun = 0
  let writes = 0
  let failed = false

  const writer = async (first: number): Promise<void> => {
    const own = Math.floor((written.blocks - 1 - first) / writers) + 1
    const bytes = new Uint8Array(written.blockBytes)
    while (!failed && !plan.isOver(begun)) {
      begun++
      const block = first + writers * Math.floor(Math.random() * own)
      const write = written.next(block, bytes)
      try {
        await device.write(block * written.blockBytes, bytes)
      } catch (error) {
        failed = true
        throw error
      }
      written.record(block, write)
      writes++
    }
  }

  const ticker = setInterval(() => plan.onProgress?.({ writes, seconds: secondsSoFar() }), progressEveryMs)
  const outcomes = await Promise.allSettled(Array.from({ length: writers }, (_, first) => writer(first)))
  clearInterval(ticker)
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
  return { writes, bytes: writes * written.blockBytes, seconds: secondsSoFar() }
}
