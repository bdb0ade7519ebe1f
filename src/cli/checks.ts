/** What a command promised to verify: every check is made, and those that fail are told together at the end. */
import type { Page } from './page.js'

export class Checks {
  readonly #page: Page
  readonly #failures: string[] = []
  #made = 0

  constructor(page: Page) {
    this.#page = page
  }

  get made(): number {
    return this.#made
  }

  get failures(): readonly string[] {
    return this.#failures
  }

  /** Notes whether `holds`, and answers the mark to print beside it. `otherwise` says what differed. */
  mark(holds: boolean, otherwise: string): string {
    this.#made++
    if (holds) return this.#page.style('green', '✓')
    this.#failures.push(otherwise)
    return this.#page.style('red', '✗')
  }
}
