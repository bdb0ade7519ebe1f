/** Lines about work that is under way, where none can be redrawn: one every second at first, seldom when it takes long. */
import type { Page } from './page.js'

/** How long after a line the next one comes, when the work has taken so long. */
const lineEveryMs = (tookMs: number): number => (tookMs < 10_000 ? 1000 : tookMs < 300_000 ? 10_000 : 60_000)

export class PlainLines {
  readonly #page: Page
  readonly #startedAt = performance.now()
  #nextAt: number

  constructor(page: Page, quietMs = 0) {
    this.#page = page
    this.#nextAt = this.#startedAt + Math.max(quietMs, lineEveryMs(0))
  }

  /** `text` is built only if it is printed. */
  update(text: () => string): void {
    const now = performance.now()
    if (now < this.#nextAt) return
    this.#nextAt += lineEveryMs(now - this.#startedAt)
    this.#page.line(text())
  }
}
