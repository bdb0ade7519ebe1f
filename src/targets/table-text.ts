/**
 * Tables as text: one target a line, `START LENGTH TYPE ARGUMENT...`, in sectors.
 *
 * Words are separated by white space; a backslash takes the next character as it is, an end of line too. Empty lines and lines
 * that begin with `#` are left out. Lines must adjoin, from 0 on.
 * Leaves out on purpose: the arguments, which each type parses.
 */
import { faultErrno, TableFault } from './table-fault.js'

export interface TableLine {
  readonly start: number
  readonly length: number
  readonly type: string
  readonly words: readonly string[]
}

/** Limit: just under 2^44 sectors, 8 PiB: byte offsets stay safe integers. */
const sectorsMax = 2 ** 44 - 1
/** Limit: a table is looked through line by line on each change; dmsetup's users have a handful. */
const linesMax = 65536

/** Fails with TableFault. */
export function parseTableText(text: string): TableLine[] {
  const lines: TableLine[] = []
  let end = 0
  const texts = splitLines(text)
  if (texts.length > linesMax) throw unframed(`a table has at most ${linesMax} lines`)
  for (const [index, lineText] of texts.entries()) {
    const words = splitWords(lineText)
    if (words.length === 0 || lineText.trimStart().startsWith('#')) continue
    const [start, length, type, ...rest] = words
    const line = { start: sectors(start), length: sectors(length), type: type ?? '', words: rest }
    if (line.start === undefined || line.length === undefined || line.type === '') {
      throw unframed(`Invalid format on line ${index + 1}: it begins with START LENGTH TYPE, in sectors`)
    }
    if (line.length === 0) throw unframed('zero-length target')
    if (line.start !== end) throw new TableFault('Gap in table', faultErrno.EINVAL, true, line.type)
    end = line.start + line.length
    if (end > sectorsMax) throw unframed(`a table has at most ${sectorsMax} sectors`)
    lines.push({ ...line, start: line.start, length: line.length })
  }
  return lines
}

const unframed = (text: string): TableFault => new TableFault(text, faultErrno.EINVAL, false)

function splitLines(text: string): string[] {
  const lines: string[] = []
  let start = 0
  for (let at = 0; at < text.length; at++) {
    if (text.charAt(at) === '\\') at++
    else if (text.charAt(at) === '\n') {
      lines.push(text.slice(start, at))
      start = at + 1
    }
  }
  return [...lines, text.slice(start)]
}

/** Splits at white space; a backslash takes the next character as it is. */
export function splitWords(text: string): string[] {
  const words: string[] = []
  let word: string | undefined
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at)
    if (character === '\\' && at + 1 < text.length) {
      word = (word ?? '') + text.charAt(++at)
    } else if (/\s/.test(character)) {
      if (word !== undefined) words.push(word)
      word = undefined
    } else {
      word = (word ?? '') + character
    }
  }
  if (word !== undefined) words.push(word)
  return words
}

/** A word as `splitWords` gives it back. */
export const quoteWord = (word: string): string => word.replace(/[\\\s]/g, '\\$&')

/** A decimal number of sectors; `undefined` for anything else. */
export function sectors(word: string | undefined): number | undefined {
  if (word === undefined || !/^\d{1,16}$/.test(word)) return undefined
  const value = Number(word)
  return value <= sectorsMax ? value : undefined
}

/** A decimal unsigned 32-bit number; `undefined` for anything else. */
export function uint32(word: string | undefined): number | undefined {
  if (word === undefined || !/^\d{1,10}$/.test(word)) return undefined
  const value = Number(word)
  return value < 2 ** 32 ? value : undefined
}
