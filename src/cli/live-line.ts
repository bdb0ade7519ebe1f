/**
 * One line about work that is under way: a bar that redraws itself on a terminal, anywhere else a plain line now and then.
 *
 * Nothing appears before `quietMs`, so that work that is done in a moment leaves no trace.
 */
import { SingleBar } from 'cli-progress'
import type { Page } from './page.js'
import { PlainLines } from './plain-lines.js'

export class LiveLine {
  readonly #page: Page
  readonly #quietMs: number
  readonly #startedAt = performance.now()
  readonly #plain: PlainLines
  #bar: SingleBar | undefined
  #isStopped = false

  constructor(page: Page, quietMs = 0) {
    this.#page = page
    this.#quietMs = quietMs
    this.#plain = new PlainLines(page, quietMs)
  }

  /** `done` is a fraction from 0 to 1; `text` says what there is to say, and is built only if it is shown. */
  update(done: number, text: () => string): void {
    if (this.#isStopped || performance.now() - this.#startedAt < this.#quietMs) return
    if (this.#page.isTerminal) {
      this.#bar ??= startBar()
      this.#bar.update(done, { text: text() })
    } else {
      this.#plain.update(text)
    }
  }

  /** Takes the bar away: what it showed last is said better by the lines that follow. */
  stop(): void {
    this.#isStopped = true
    this.#bar?.stop()
    this.#bar = undefined
  }
}

function startBar(): SingleBar {
  const bar = new SingleBar({
    format: '   {bar}  {text}',
    barsize: 12,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    hideCursor: true,
    clearOnComplete: true,
    stopOnComplete: false,
    stream: process.stdout,
  })
  bar.start(1, 0, { text: '' })
  return bar
}
