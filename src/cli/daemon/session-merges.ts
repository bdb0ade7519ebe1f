/**
 * Merges, as one connection begins, looks at and steers them.
 *
 * Guarantees: they are the mapper's, so that they go on when the connection is gone, and any number of connections may look at
 * the same one. Progress is asked for, not sent: a client that does not read holds nobody up, and a pause never waits behind it.
 */
import { CowringError, type Mapper, type Merge, type MergeProgress } from '../../index.js'
import type { CancelledMerge, FollowedMerge, LimitsOnWire } from './protocol.js'

/** Those a connection looks at, at most: a command needs one. */
const mergesMax = 64

export class SessionMerges {
  readonly #mapper: Mapper
  readonly #merges = new Map<number, Merge>()
  #nextMerge = 1

  constructor(mapper: Mapper) {
    this.#mapper = mapper
  }

  /** Begins a merge, or lets the one under way go on, with these limits. Fails as `mapper.merge` does. */
  async begin(name: string, { latencyTarget, rateLimit }: LimitsOnWire): Promise<FollowedMerge> {
    if (this.#merges.size >= mergesMax) {
      const text = `a connection looks at ${mergesMax} merges at most; use another one`
      throw new CowringError('LIMIT_EXCEEDED', text, { device: name })
    }
    const before = this.#mapper.merging(name)?.merge
    const done = before?.current.done ?? 0
    const begun = await this.#mapper.merge(name, {
      ...(rateLimit === undefined ? {} : { rateLimit: rateLimit ?? undefined }),
      ...(latencyTarget === undefined ? {} : { latencyTarget: latencyTarget ?? undefined }),
    })
    // Before anything else is awaited: a merge that is done takes the name of its snapshot with it.
    const { origin, snapshot } = this.#mapper.merging(name) ?? { origin: name, snapshot: undefined }
    const merge = this.#nextMerge++
    this.#merges.set(merge, begun)
    const doneBefore = begun === before ? done : 0
    return { merge, devices: { origin, snapshot }, progress: begun.current, doneBefore }
  }

  /** How far it is. Fails as the merge did. */
  async progress(number: number): Promise<MergeProgress> {
    const merge = this.#merge(number)
    if (merge.state === 'failed') await merge.finished
    return merge.current
  }

  /** Resolves when it is at rest, or when it turns out to be at its end. */
  async pause(number: number): Promise<MergeProgress> {
    const merge = this.#merge(number)
    await merge.pause()
    return merge.current
  }

  /** Ends the merge of a device. Fails with INVALID_ARGUMENT if there is none to end, and as the merge did. */
  async cancel(name: string): Promise<CancelledMerge> {
    const found = this.#mapper.merging(name)
    if (found === undefined) {
      throw new CowringError('INVALID_ARGUMENT', `nothing is being merged into ${name}, nor out of it`, {
        device: name,
      })
    }
    const { merge, ...devices } = found
    await merge.cancel()
    if (merge.state === 'failed') await merge.finished
    return { devices, progress: merge.current }
  }

  #merge(number: number): Merge {
    const merge = this.#merges.get(number)
    if (merge !== undefined) return merge
    throw new CowringError('DEVICE_CLOSED', `there is no merge ${number} on this connection; begin it first`)
  }
}
