/**
 * A terminal's screen, as far as it matters to what draws in place: a stream to write to, and what can be seen afterwards.
 *
 * Columns as terminals count them: Chinese characters fill two. What is not understood throws.
 */
export class Screen {
  readonly isTTY = true
  columns: number
  rows: number
  isCursorShown = true
  doesWrap = true
  /** What ran into the right edge. */
  readonly tooWide: string[] = []
  /** Lines that went out at the top, and all that can be seen. */
  readonly #lines: string[][] = [[]]
  #top = 0
  #row = 0
  #column = 0

  constructor(columns: number, rows: number) {
    this.columns = columns
    this.rows = rows
  }

  /** For what asks for a terminal's stream. */
  get stream(): NodeJS.WriteStream {
    return this as unknown as NodeJS.WriteStream
  }

  write(text: string): boolean {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: what terminals are told with
    for (const [token] of text.matchAll(/\u001b\[[?\d;]*[A-Za-z]|./gsu)) this.#take(token)
    return true
  }

  /** From the first line ever to the last that is not empty. */
  get text(): string[] {
    const lines = this.#lines.map((line) => line.join('').trimEnd())
    while (lines.at(-1) === '') lines.pop()
    return lines
  }

  get linesScrolledAway(): number {
    return this.#top
  }

  #take(token: string): void {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: what terminals are told with
    const [, argument = '', verb] = /^\u001b\[([?\d;]*)([A-Za-z])$/.exec(token) ?? []
    if (verb !== undefined) this.#obey(verb, argument)
    else if (token === '\n') this.#down()
    else if (token === '\r') this.#column = 0
    else if (token < ' ' || token === '\u007f') throw new Error(`a control character: ${JSON.stringify(token)}`)
    else this.#put(token)
  }

  #obey(verb: string, argument: string): void {
    if (verb === 'm') return
    if (verb === 'A') this.#row = Math.max(this.#top, this.#row - Number(argument || 1))
    else if (verb === 'K') this.#line(this.#row).length = this.#column
    else if (verb === 'J') {
      this.#line(this.#row).length = this.#column
      this.#lines.length = this.#row + 1
    } else if (argument === '?25') this.isCursorShown = verb === 'h'
    else if (argument === '?7') this.doesWrap = verb === 'h'
    else throw new Error(`an unknown sequence: ${argument}${verb}`)
  }

  #put(character: string): void {
    const width = /\p{Script=Han}/u.test(character) ? 2 : 1
    if (this.#column + width > this.columns) {
      this.tooWide.push(character)
      if (!this.doesWrap) return
      this.#down()
    }
    const line = this.#line(this.#row)
    while (line.length < this.#column) line.push(' ')
    line[this.#column] = character
    if (width === 2) line[this.#column + 1] = ''
    this.#column += width
  }

  #down(): void {
    this.#row++
    this.#column = 0
    this.#line(this.#row)
    this.#top = Math.max(this.#top, this.#row - this.rows + 1)
  }

  #line(row: number): string[] {
    while (this.#lines.length <= row) this.#lines.push([])
    return this.#lines[row] ?? []
  }
}
