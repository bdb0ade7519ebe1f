/** Figures as people read them: three significant digits, binary units, thousands apart. */

const binaryUnits = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const

/** 268435456 → `256 MiB`, 1106247680 → `1.03 GiB`. */
export function bytes(value: number): string {
  let unit = 0
  let rest = value
  while (rest >= 1000 && unit < binaryUnits.length - 1) {
    rest /= 1024
    unit++
  }
  return `${significant(rest)} ${binaryUnits[unit]}`
}

export const bytesPerSecond = (value: number, seconds: number): string =>
  `${bytes(seconds > 0 ? value / seconds : 0)}/s`

export const count = (value: number): string => Math.round(value).toLocaleString('en-US')

export const countPerSecond = (value: number, seconds: number): string => count(seconds > 0 ? value / seconds : 0)

/** Says 100 % only of the whole, and 0 % only of nothing. */
export function percent(value: number): string {
  if (value > 0 && value < 10) return `${Math.max(0.1, value).toFixed(1)}%`
  return `${value > 99 && value < 100 ? '>99' : value.toFixed(0)}%`
}

/** 0.0021 → `2.10 ms`. */
export function duration(seconds: number): string {
  if (seconds >= 1) return `${seconds < 10 ? seconds.toFixed(1) : seconds.toFixed(0)} s`
  if (seconds >= 0.001) return `${significant(seconds * 1e3)} ms`
  return `${significant(seconds * 1e6)} µs`
}

export const nanoseconds = (value: number): string => duration(value / 1e9)

/** As a clock shows it: 65 → `1:05`, 3723 → `1:02:03`. */
export function clock(seconds: number): string {
  const whole = Math.floor(seconds)
  const twoDigits = (value: number): string => String(value).padStart(2, '0')
  const minutes = Math.floor(whole / 60)
  const rest = twoDigits(whole % 60)
  return minutes < 60 ? `${minutes}:${rest}` : `${Math.floor(minutes / 60)}:${twoDigits(minutes % 60)}:${rest}`
}

/** How long something will take, as far as anybody can tell: `45 s`, `12 min`, `3.5 h`. */
export function timeLeft(seconds: number): string {
  if (seconds < 100) return `${Math.ceil(seconds)} s`
  const minutes = seconds / 60
  return minutes < 100 ? `${Math.round(minutes)} min` : `${(minutes / 60).toFixed(1)} h`
}

export const microseconds = (value: number): string => duration(value / 1e6)

/** The first characters of a digest: enough to tell two apart by eye. */
export const shortDigest = (digest: string): string => digest.slice(0, 16)

/** Drops the zeroes of a fraction: 256 rather than 256.0, but 1.03. */
function significant(value: number): string {
  if (value >= 100 || value === 0) return value.toFixed(0)
  const text = value.toFixed(value >= 10 ? 1 : 2)
  return Number.isInteger(value) ? value.toFixed(0) : text
}
