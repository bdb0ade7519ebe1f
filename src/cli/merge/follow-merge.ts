/**
 * A merge from its beginning to its end, or to where somebody stops it: shows how far it is, and pauses it at SIGINT and SIGTERM.
 *
 * It is done in the daemon, and goes on there whatever becomes of this process.
 */
import type { MergeProgress } from '../../index.js'
import { exitCodes } from '../command-parts.js'
import type { LimitsOnWire } from '../daemon/protocol.js'
import { Interruption } from './interruption.js'
import { aftermathText, cancelledElsewhereText, type MergeWords, mergedText, pausedText } from './merge-text.js'
import { JsonView, type MergeView, TextView } from './merge-view.js'
import { RemoteMerge } from './remote-merge.js'

/** The daemon is asked soon at first, for what is done in a moment, then ten times a second. */
const askMsMin = 5
const askMsMax = 100

export interface FollowOptions extends MergeWords {
  readonly limits: LimitsOnWire
  readonly isJson: boolean
}

/** Answers the exit code. Fails as the merge does. */
export async function followMerge(options: FollowOptions): Promise<number> {
  let view: MergeView | undefined
  using interruption = new Interruption(() => view?.stop())
  using merge = await RemoteMerge.begin(options.socket, options.name, options.limits)
  view = options.isJson ? new JsonView(options.name, merge.devices) : new TextView()
  try {
    return await new Follower(options, merge, view).follow(interruption)
  } finally {
    view.stop()
  }
}

class Follower {
  readonly #words: MergeWords
  readonly #merge: RemoteMerge
  readonly #view: MergeView
  #last: MergeProgress

  constructor(words: MergeWords, merge: RemoteMerge, view: MergeView) {
    this.#words = words
    this.#merge = merge
    this.#view = view
    this.#last = merge.first
  }

  async follow(interruption: Interruption): Promise<number> {
    try {
      for (let askMs = askMsMin; ; askMs = Math.min(askMsMax, askMs * 2)) {
        const { exitCode } = interruption
        this.#last = exitCode === undefined ? await this.#merge.progress() : await this.#merge.pause()
        const { state } = this.#last
        if (state === 'merged') return await this.#merged()
        if (state === 'cancelled') return this.#cancelled()
        // A merge that cannot be paused any more is as good as done.
        if (exitCode !== undefined && state === 'paused') return this.#paused(exitCode)
        this.#view.progress(this.#last)
        await interruption.sleep(askMs)
      }
    } catch (error) {
      this.#view.end('failed', this.#last, error instanceof Error ? error.message : String(error))
      throw error
    }
  }

  async #merged(): Promise<number> {
    const { devices, since } = this.#merge
    const merged = mergedText(devices, this.#last, since)
    this.#view.end('merged', this.#last, `${merged} ${aftermathText(devices, await this.#merge.aftermath())}`)
    return exitCodes.done
  }

  #cancelled(): number {
    this.#endUndone('cancelled', cancelledElsewhereText(this.#words, this.#merge.devices, this.#last))
    return exitCodes.failed
  }

  #paused(exitCode: number): number {
    this.#endUndone('paused', pausedText(this.#words, this.#merge.devices, this.#last))
    return exitCode
  }

  #endUndone(outcome: 'cancelled' | 'paused', text: string): void {
    this.#view.end(outcome, this.#last, text)
    process.stderr.write(`cowring: ${text}\n`)
  }
}
