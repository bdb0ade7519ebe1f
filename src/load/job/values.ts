/** Values of job options as fio writes them: sizes, times, lists. Source: fio's HOWTO, "Parameter types". */

/** What a value should have been; whoever reads the job says where it stands. */
export class ValueError extends Error {
  override readonly name = 'ValueError'
}

const sizeUnits: Readonly<Record<string, number>> = {
  '': 1,
  k: 2 ** 10,
  m: 2 ** 20,
  g: 2 ** 30,
  t: 2 ** 40,
  p: 2 ** 50,
}
const timeUnits: Readonly<Record<string, number>> = { us: 1e-6, ms: 1e-3, s: 1, m: 60, h: 3600, d: 86_400 }

/** `4k`, `1M`, `512`, `2gb`: powers of 1024, as fio's kb_base of 1024 has them. `4KiB` is refused: fio takes it for 4000. Bytes. */
export function size(text: string): number {
  const [, digits, unit] = /^(\d{1,16}(?:\.\d{1,6})?)([kmgtp]?)b?$/i.exec(text.trim()) ?? []
  const bytes = Number(digits ?? Number.NaN) * (sizeUnits[(unit ?? '').toLowerCase()] ?? Number.NaN)
  if (Number.isSafeInteger(bytes)) return bytes
  throw new ValueError('it must be a size such as 512, 4k, 1m or 2g')
}

/** As `size`, or a share of the target: `50%`. */
export type SizeOrShare = { readonly bytes: number } | { readonly share: number }

export function sizeOrShare(text: string): SizeOrShare {
  const [, digits] = /^(\d{1,3}(?:\.\d+)?)%$/.exec(text.trim()) ?? []
  if (digits === undefined) return { bytes: size(text) }
  const share = Number(digits) / 100
  if (share <= 1) return { share }
  throw new ValueError('it must be a size, or a share of the target from 0% to 100%')
}

/** Seconds; a bare number is in `bare`. */
export function time(text: string, bare: keyof typeof timeUnits = 's'): number {
  const [, digits, unit] = /^(\d{1,12}(?:\.\d{1,9})?)(us|ms|s|m|h|d)?$/i.exec(text.trim()) ?? []
  const seconds = Number(digits ?? Number.NaN) * (timeUnits[(unit ?? bare).toLowerCase()] ?? Number.NaN)
  if (Number.isFinite(seconds)) return seconds
  throw new ValueError('it must be a time such as 30, 500ms, 10s or 2m')
}

export const microseconds = (text: string): number => time(text, 'us')

/** A parser of whole numbers from `min` to `max`. */
export const whole =
  (min: number, max: number) =>
  (text: string): number => {
    const number = /^\d{1,15}$/.test(text.trim()) ? Number(text) : Number.NaN
    if (number >= min && number <= max) return number
    throw new ValueError(`it must be a whole number from ${min} to ${max}`)
  }

/** A key without a value is set; `0` and `false` are not. */
export function flag(text: string): boolean {
  if (['', '1', 'true'].includes(text.trim().toLowerCase())) return true
  if (['0', 'false'].includes(text.trim().toLowerCase())) return false
  throw new ValueError('it must be 1 or 0, or stand alone')
}

/** A parser of one of these words. */
export const oneOf =
  <Word extends string>(words: readonly Word[]) =>
  (text: string): Word => {
    const word = words.find((each) => each === text.trim().toLowerCase())
    if (word !== undefined) return word
    throw new ValueError(`it must be one of ${words.join(', ')}`)
  }

/** What fio takes as up to three values, for reads, writes and trims. */
export interface PerDirection<Value> {
  readonly read: Value
  readonly write: Value
  readonly trim: Value
}

/** Those that are missing at the end are the one before; an empty one is `undefined`, for the default: `,8k` is about writes and trims. */
export const perDirection =
  <Value>(parse: (text: string) => Value) =>
  (text: string): PerDirection<Value | undefined> => {
    const parts = text.split(',').map((part) => part.trim())
    if (parts.length > 3 || parts.every((part) => part === '')) {
      throw new ValueError('it must be one value, or up to three for reads, writes and trims: 4k,64k')
    }
    const [read = '', write = read, trim = write] = parts
    const value = (part: string): Value | undefined => (part === '' ? undefined : parse(part))
    return { read: value(read), write: value(write), trim: value(trim) }
  }

/** `1k-4k`; a single size is both ends. Bytes. */
export interface SizeRange {
  readonly min: number
  readonly max: number
}

export function sizeRange(text: string): SizeRange {
  const [low = '', high = low, ...rest] = text.split('-')
  const range = { min: size(low), max: size(high) }
  if (range.min > 0 && range.min <= range.max && rest.length === 0) return range
  throw new ValueError('it must be a range of sizes, the smaller first: 1k-16k')
}
