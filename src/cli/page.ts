/**
 * What the commands print on: numbered sections, indented lines, aligned tables.
 *
 * Colours only on a terminal, and not where NO_COLOR is set.
 */
import type { WriteStream } from 'node:tty'

const escapes = { bold: [1, 22], dim: [2, 22], green: [32, 39], red: [31, 39] } as const
export type Style = keyof typeof escapes

/** Columns that hold figures end flush, others start flush. */
export type Alignment = 'left' | 'right'

/** Before every line but titles and verdicts. */
export const margin = '   '

export class Page {
  readonly isTerminal: boolean
  readonly #out: WriteStream | NodeJS.WritableStream
  readonly #hasColours: boolean
  #sections = 0

  constructor(out: NodeJS.WriteStream) {
    this.#out = out
    this.isTerminal = out.isTTY === true
    this.#hasColours = this.isTerminal && (process.env.NO_COLOR ?? '') === ''
  }

  line(text = ''): void {
    this.#out.write(text === '' ? '\n' : `${margin}${text}\n`)
  }

  title(text: string, rest: string): void {
    this.#out.write(`${this.style('bold', text)}  ${this.style('dim', rest)}\n`)
  }

  section(text: string): void {
    this.#sections++
    this.#out.write(`\n${this.style('bold', `${this.#sections}  ${text}`)}\n`)
  }

  /** The last word of a command, at the left edge. */
  verdict(text: string, holds: boolean): void {
    this.#out.write(`\n${this.style(holds ? 'green' : 'red', text)}\n`)
  }

  table(alignments: readonly Alignment[], rows: readonly (readonly string[])[], header?: readonly string[]): void {
    const all = header === undefined ? rows : [header, ...rows]
    const widths = alignments.map((_, column) => Math.max(...all.map((row) => visible(row[column] ?? '').length)))
    const laidOut = (row: readonly string[]): string =>
      alignments
        .map((alignment, column) => {
          const cell = row[column] ?? ''
          const padding = ' '.repeat((widths[column] ?? 0) - visible(cell).length)
          return alignment === 'left' ? cell + padding : padding + cell
        })
        .join('  ')
        .trimEnd()
    if (header !== undefined) this.line(this.style('dim', laidOut(header)))
    for (const row of rows) this.line(laidOut(row))
  }

  style(style: Style, text: string): string {
    const [on, off] = escapes[style]
    return this.#hasColours ? `\u001b[${on}m${text}\u001b[${off}m` : text
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: what colours are made of
const visible = (text: string): string => text.replace(/\u001b\[\d+m/g, '')
