/**
 * What a stepped engine did, in order, as lines of text: `s write data 2`, `s barrier`, `s publish 0`, `origin write 0+4096`.
 *
 * Guarantees: a line is added before its effect, except `publish` and `copied`, which are added after it.
 */

export class Trace {
  #lines: string[] = []

  add(line: string): void {
    this.#lines.push(line)
  }

  get lines(): readonly string[] {
    return this.#lines
  }

  /** Lines that contain any of `words`. */
  only(...words: string[]): string[] {
    return this.#lines.filter((line) => words.some((word) => line.includes(word)))
  }

  count(word: string): number {
    return this.only(word).length
  }

  /** Where the first line that contains `word` is, from `from` on; -1 if there is none. */
  at(word: string, from = 0): number {
    return this.#lines.findIndex((line, index) => index >= from && line.includes(word))
  }

  clear(): void {
    this.#lines = []
  }
}
