/**
 * Who else is busy: the processor time of the whole machine, less that of this process and of its children that have ended. Look at
 * it only when all have: the kernel adds a child's time to its parent's at the end. Kernel threads count as others.
 */
import { readFileSync } from 'node:fs'

/** Fields of the first line of /proc/stat, in hundredths of a second per core. */
const statFields = ['user', 'nice', 'system', 'idle', 'iowait', 'irq', 'softirq', 'steal'] as const
const idleFields: readonly string[] = ['idle', 'iowait']
const ticksPerSecond = 100
/** Of /proc/self/stat behind the name in parentheses: utime and stime of children that have ended. */
const childFields = [13, 14]

interface Reading {
  readonly allSeconds: number
  readonly busySeconds: number
  readonly ownSeconds: number
}

export class CpuGauge {
  #start: Reading = read()

  restart(): void {
    this.#start = read()
  }

  /** Of all cores since the start, from 0 to 1. */
  othersShare(): number {
    const now = read()
    const own = now.ownSeconds - this.#start.ownSeconds
    const busy = now.busySeconds - this.#start.busySeconds
    const all = now.allSeconds - this.#start.allSeconds
    return all > 0 ? Math.max(0, (busy - own) / all) : 0
  }
}

function read(): Reading {
  const [, ...ticks] = (readFileSync('/proc/stat', 'utf8').split('\n', 1)[0] ?? '').split(/\s+/)
  let all = 0
  let busy = 0
  for (const [index, field] of statFields.entries()) {
    const seconds = Number(ticks[index] ?? 0) / ticksPerSecond
    all += seconds
    if (!idleFields.includes(field)) busy += seconds
  }
  const { system, user } = process.cpuUsage()
  return { allSeconds: all, busySeconds: busy, ownSeconds: (user + system) / 1e6 + childSeconds() }
}

function childSeconds(): number {
  const words = readFileSync('/proc/self/stat', 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ')
  return childFields.reduce((sum, field) => sum + Number(words[field]), 0) / ticksPerSecond
}
