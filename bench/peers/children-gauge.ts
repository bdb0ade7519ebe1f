/**
 * Who else is busy: the processor time of the whole machine, less that of this process and of its children that have
 * ended. Look at it only when all have: the kernel adds a child's time to its parent's at the end. Kernel threads count
 * as others.
 */
import { readFileSync } from 'node:fs'

/** Fields of the first line of /proc/stat, in hundredths of a second per core. */
const idleFields = [3, 4]
const timeFields = 8
/** Of /proc/self/stat behind the name in parentheses: utime, stime, and the same of children, in hundredths of a second. */
const ownFields = [11, 12, 13, 14]

interface Reading {
  readonly all: number
  readonly busy: number
  readonly own: number
}

export class ChildrenGauge {
  readonly #start: Reading = read()

  /** Of all cores since the start, from 0 to 1. */
  othersShare(): number {
    const now = read()
    const all = now.all - this.#start.all
    const others = now.busy - this.#start.busy - (now.own - this.#start.own)
    return all > 0 ? Math.max(0, others / all) : 0
  }
}

function read(): Reading {
  const [, ...words] = (readFileSync('/proc/stat', 'utf8').split('\n', 1)[0] ?? '').split(/\s+/)
  const ticks = words.slice(0, timeFields).map(Number)
  const ownWords = readFileSync('/proc/self/stat', 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ')
  const idle = sumOf(idleFields.map((field) => ticks[field] ?? 0))
  return {
    all: sumOf(ticks),
    busy: sumOf(ticks) - idle,
    own: sumOf(ownFields.map((field) => Number(ownWords[field]))),
  }
}

const sumOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0)
