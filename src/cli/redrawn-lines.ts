/**
 * Several lines at the bottom of a terminal that are drawn again in place.
 *
 * Guarantees: nothing wraps or scrolls away (what does not fit is cut, and the terminal is told not to wrap); the cursor is hidden
 * while lines are shown, and comes back when they are taken away, also when the process exits without that.
 * A terminal that is made narrower may fold what stands there already; lines of it then stay above.
 */
import type { Page, Style } from './page.js'
import { cutTo } from './terminal-text.js'

export interface RedrawnLine {
  readonly text: string
  readonly style?: Style
}

const sequences = {
  hideCursor: '\u001b[?25l',
  showCursor: '\u001b[?25h',
  wrapOff: '\u001b[?7l',
  wrapOn: '\u001b[?7h',
  clearToEndOfLine: '\u001b[K',
  clearBelow: '\u001b[J',
  up: (lines: number): string => (lines > 0 ? `\u001b[${lines}A\r` : '\r'),
} as const

export class RedrawnLines {
  readonly #out: NodeJS.WriteStream
  readonly #page: Page
  readonly #takeAway = (): void => this.stop()
  /** Lines that are shown; the cursor is below them. */
  #shown: number | undefined

  constructor(out: NodeJS.WriteStream, page: Page) {
    this.#out = out
    this.#page = page
  }

  draw(lines: readonly RedrawnLine[]): void {
    const { columns = 80, rows = 24 } = this.#out
    // The last column stays free: some terminals wrap when it is filled. The last row is the cursor's.
    const fitting = lines.slice(0, Math.max(1, rows - 1)).map(({ style, text }) => {
      const cut = cutTo(columns - 1, text)
      return (style === undefined ? cut : this.#page.style(style, cut)) + sequences.clearToEndOfLine
    })
    const begin = this.#shown === undefined ? sequences.hideCursor + sequences.wrapOff : ''
    if (this.#shown === undefined) process.once('exit', this.#takeAway)
    this.#out.write(`${begin}${sequences.up(this.#shown ?? 0)}${fitting.join('\n')}\n${sequences.clearBelow}`)
    this.#shown = fitting.length
  }

  /** What the lines showed last is said better by those that follow. May be called twice. */
  stop(): void {
    if (this.#shown === undefined) return
    process.off('exit', this.#takeAway)
    this.#out.write(sequences.up(this.#shown) + sequences.clearBelow + sequences.wrapOn + sequences.showCursor)
    this.#shown = undefined
  }
}
