/**
 * How a load run is shown while it runs: lines that are drawn again on a terminal; anywhere else a line now and then, and one for
 * every event.
 */
import type { LoadProgress } from '../../load/result/load-progress.js'
import { type DirectionName, directionNames } from '../../load/result/load-result.js'
import { Page } from '../page.js'
import { PlainLines } from '../plain-lines.js'
import { RedrawnLines } from '../redrawn-lines.js'
import { liveLines, markText, plainText } from './live-text.js'

export class LiveView {
  readonly #out: NodeJS.WriteStream
  readonly #page: Page
  readonly #redrawn: RedrawnLines
  readonly #plain: PlainLines
  readonly #seen = new Set<DirectionName>()
  #marksPrinted = 0
  #isStopped = false

  constructor(out: NodeJS.WriteStream) {
    this.#out = out
    this.#page = new Page(out)
    this.#redrawn = new RedrawnLines(out, this.#page)
    this.#plain = new PlainLines(this.#page)
  }

  /** Once an interval, or more often. */
  update(progress: LoadProgress): void {
    if (this.#isStopped) return
    for (const direction of directionNames) {
      if ((progress.point?.directions[direction].requests ?? 0) > 0) this.#seen.add(direction)
    }
    const directions = directionNames.filter((direction) => this.#seen.has(direction))
    if (this.#page.isTerminal) {
      this.#redrawn.draw(liveLines(progress, directions, this.#out.columns ?? 80))
    } else {
      for (const mark of progress.marks.slice(this.#marksPrinted)) this.#page.line(markText(mark))
      this.#marksPrinted = progress.marks.length
      this.#plain.update(() => plainText(progress, directions))
    }
  }

  /** Leaves the terminal as it was. May be called twice. */
  stop(): void {
    this.#isStopped = true
    this.#redrawn.stop()
  }
}
