/** What figures are of, and how they are said: three significant digits and a unit. */

export interface Unit {
  readonly size: number
  readonly name: string
  /** The least value that is said in this unit; its size by default. */
  readonly from?: number
}

/** Units in ascending order; the first one is also for what is below it. */
export type Quantity = readonly [Unit, ...Unit[]]

/** Values are seconds. */
export const time: Quantity = [
  { size: 1, name: 's' },
  { size: 60, name: 'min', from: 300 },
  { size: 3600, name: 'h', from: 4 * 3600 },
]
/** Values are nanoseconds. */
export const latency: Quantity = [
  { size: 1, name: 'ns' },
  { size: 1e3, name: 'µs' },
  { size: 1e6, name: 'ms' },
  { size: 1e9, name: 's' },
]
/** Values are requests a second. */
export const rate: Quantity = [
  { size: 1, name: 'IOPS' },
  { size: 1e3, name: 'kIOPS', from: 1e4 },
  { size: 1e6, name: 'MIOPS', from: 1e7 },
]
const binary = (behind: string): Quantity => [
  { size: 1, name: `B${behind}` },
  { size: 2 ** 10, name: `KiB${behind}` },
  { size: 2 ** 20, name: `MiB${behind}` },
  { size: 2 ** 30, name: `GiB${behind}` },
]
/** Values are bytes, or bytes a second. */
export const size: Quantity = binary('')
export const bandwidth: Quantity = binary('/s')
/** Values are from 0 to 1. */
export const share: Quantity = [{ size: 0.01, name: '%' }]
export const ratio: Quantity = [{ size: 1, name: '×' }]
export const plain: Quantity = [{ size: 1, name: '' }]

export function unitFor([first, ...others]: Quantity, value: number): Unit {
  return others.findLast((unit) => Math.abs(value) >= (unit.from ?? unit.size)) ?? first
}

/** `1.25 ms`; `–` of what is no number. */
export function valueText(quantity: Quantity, value: number): string {
  if (!Number.isFinite(value)) return '–'
  const unit = unitFor(quantity, value)
  return `${numberText(value / unit.size)} ${unit.name}`.trimEnd()
}

const digits = new Intl.NumberFormat('en-US', { maximumSignificantDigits: 3 })
const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 })

export const numberText = (value: number): string => (Math.abs(value) >= 1000 ? whole : digits).format(value)
