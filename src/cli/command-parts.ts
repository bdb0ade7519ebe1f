/** What the commands of cowring share: exit codes, examples in their help, and the values of common options. */
import { InvalidArgumentError, Option } from 'commander'

/** 0: done; 1: it failed; 2: the command line cannot be understood. */
export const exitCodes = { done: 0, failed: 1, badUsage: 2 } as const

/** Tells the program how its command ended. */
export type Finish = (code: number) => void

export const exampleText = (...lines: readonly string[]): string =>
  `\nExample${lines.length > 1 ? 's' : ''}:\n${lines.map((line) => `  $ ${line}`).join('\n')}`

export const socketOption = (): Option =>
  new Option('--socket <path>', 'the socket of the daemon (default: $XDG_RUNTIME_DIR/cowring.sock)')

export const jsonOption = (): Option => new Option('--json', 'print JSON')

/** What `--json` prints: one document, two spaces deep. */
export const jsonText = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`

const unitBytes = { s: 512, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 } as const

/** `8s`, `64K`, `1G`, or bytes. */
export function parseBytes(text: string): number {
  const [, digits, suffix] = /^(\d{1,16})([skmgt])?$/i.exec(text) ?? []
  const unit = unitBytes[(suffix ?? '').toLowerCase() as keyof typeof unitBytes] ?? 1
  const bytes = Number(digits ?? Number.NaN) * unit
  if (Number.isSafeInteger(bytes)) return bytes
  throw new InvalidArgumentError('It must be a number of bytes, or one with s (512), K, M, G or T behind it.')
}

/** `512K`, `100M`, `1.5G`, or bytes, of a second; `none` for no limit. */
export function parseRate(text: string): number | 'none' {
  if (text === 'none') return text
  const [, digits, suffix] = /^(\d{1,16}(?:\.\d{1,6})?)([kmgt])?$/i.exec(text) ?? []
  const unit = unitBytes[(suffix ?? '').toLowerCase() as keyof typeof unitBytes] ?? 1
  const rate = Number(digits ?? Number.NaN) * unit
  if (rate >= 1) return rate
  throw new InvalidArgumentError('It must be bytes per second from 1 on, such as 512K, 100M or 1.5G, or none.')
}

const unitMilliseconds = { us: 0.001, ms: 1, s: 1000 } as const

/** `500us`, `2ms`, `1s`, or milliseconds; `none` for no limit. */
export function parseMilliseconds(text: string): number | 'none' {
  if (text === 'none') return text
  const [, digits, suffix] = /^(\d{1,9}(?:\.\d{1,6})?)(us|ms|s)?$/i.exec(text) ?? []
  const time =
    Number(digits ?? Number.NaN) * unitMilliseconds[(suffix ?? 'ms').toLowerCase() as keyof typeof unitMilliseconds]
  if (time > 0) return time
  throw new InvalidArgumentError(
    'It must be a time above 0, such as 500us, 2ms or 1s, or none; a bare number is milliseconds.',
  )
}

/** A parser of whole numbers from `min` to `max`. */
export const wholeFrom =
  (min: number, max: number) =>
  (text: string): number => {
    const number = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
    if (number >= min && number <= max) return number
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`)
  }

/** For a repeated option: adds one to those before. */
export const collected = (text: string, before: readonly string[] | undefined): readonly string[] => [
  ...(before ?? []),
  text,
]
