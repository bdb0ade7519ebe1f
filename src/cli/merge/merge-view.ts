/** How a merge is shown: a line that redraws itself for people, lines of JSON for programs. */
import type { MergeProgress } from '../../index.js'
import type { MergedDevices } from '../daemon/protocol.js'
import { LiveLine } from '../live-line.js'
import { Page } from '../page.js'
import { fractionOf, progressText } from './merge-text.js'

export interface MergeView {
  progress(progress: MergeProgress): void
  /** Leaves the terminal as it was. May be called twice. */
  stop(): void
  /** `text` is what there is to say about it; what is no success is said on standard error, too. */
  end(outcome: MergeOutcome, progress: MergeProgress, text: string): void
}

export type MergeOutcome = 'merged' | 'cancelled' | 'paused' | 'failed'

/** A merge that is done in a moment needs no bar. */
const quietMs = 300
const jsonLineEveryMs = 1000

export class TextView implements MergeView {
  readonly #live = new LiveLine(new Page(process.stdout), quietMs)

  progress(progress: MergeProgress): void {
    this.#live.update(fractionOf(progress), () => progressText(progress))
  }

  stop(): void {
    this.#live.stop()
  }

  end(outcome: MergeOutcome, _progress: MergeProgress, text: string): void {
    this.stop()
    if (outcome === 'merged') process.stdout.write(`${text}\n`)
  }
}

/** A document a line. */
export class JsonView implements MergeView {
  readonly #name: string
  readonly #devices: MergedDevices
  #shownAtMs = Number.NEGATIVE_INFINITY
  #shownState = ''

  constructor(name: string, devices: MergedDevices) {
    this.#name = name
    this.#devices = devices
  }

  progress(progress: MergeProgress): void {
    const now = performance.now()
    if (progress.state === this.#shownState && now - this.#shownAtMs < jsonLineEveryMs) return
    this.#shownState = progress.state
    this.#shownAtMs = now
    process.stdout.write(jsonLine(progressJson(this.#name, progress)))
  }

  stop(): void {}

  end(outcome: MergeOutcome, progress: MergeProgress, text: string): void {
    process.stdout.write(jsonLine(endJson(this.#name, this.#devices, outcome, progress, text)))
  }
}

/** The last line, which alone has an `outcome`. */
export const endJson = (
  name: string,
  { origin, snapshot = null }: { readonly origin: string; readonly snapshot?: string | undefined | null },
  outcome: MergeOutcome,
  progress: MergeProgress,
  message: string,
) => ({ ...progressJson(name, { ...progress, state: outcome }), outcome, origin, snapshot, message })

const progressJson = (name: string, { bytesPerSecond, done, etaSeconds, state, total }: MergeProgress) => ({
  name,
  state,
  done,
  total,
  bytesPerSecond: Math.round(bytesPerSecond),
  etaSeconds: etaSeconds === undefined ? null : Math.round(etaSeconds * 10) / 10,
})

export const jsonLine = (value: unknown): string => `${JSON.stringify(value)}\n`
