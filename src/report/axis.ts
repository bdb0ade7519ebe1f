/** Axes: where a value is, and which values are written beside it. */
import { scaleLinear, scaleSymlog } from 'd3-scale'
import { numberText, type Quantity, unitFor, valueText } from './quantity.js'

export interface AxisChoice {
  readonly quantity: Quantity
  /**
   * `log` leaves out what is not above 0; `counts` is logarithmic from 1 on, has room for 0, and its ticks are the values;
   * `percentile` is HdrHistogram's: shares from 0 to below 1, as far apart as the logarithms of 1 / (1 - share).
   */
  readonly scale: 'linear' | 'log' | 'counts' | 'percentile'
  /** What is measured; the unit follows by itself. */
  readonly label?: string
  /** Values that the axis has, whatever there is to be shown. */
  readonly includes?: readonly number[]
  /** Ends at the values rather than at the ticks around them. */
  readonly isTight?: boolean
}

export interface Axis {
  readonly label: string
  /** Not finite for what the axis cannot show. */
  readonly place: (value: number) => number
  readonly ticks: readonly Tick[]
}

export interface Tick {
  readonly at: number
  readonly text: string
}

/** From where to where it goes on the plot, and how many ticks there is room for. */
export interface AxisRoom {
  readonly range: readonly [number, number]
  readonly tickCount: number
}

export function axisOf(choice: AxisChoice, values: readonly number[], room: AxisRoom): Axis {
  const shown = [...values, ...(choice.includes ?? [])].filter(Number.isFinite)
  return scales[choice.scale](choice, shown, room)
}

type AxisMaker = (choice: AxisChoice, values: readonly number[], room: AxisRoom) => Axis

const linearAxis: AxisMaker = ({ quantity, label, isTight = false }, values, { range, tickCount }) => {
  const [low, high] = ends(values) ?? [0, 1]
  const unit = unitFor(quantity, Math.max(Math.abs(low), Math.abs(high)))
  const end = high > low ? high : low + (Math.abs(low) || unit.size)
  const scale = scaleLinear([low / unit.size, end / unit.size], range)
  if (!isTight) scale.nice(tickCount)
  return {
    label: labelOf(label, unit.name),
    place: (value) => scale(value / unit.size),
    ticks: scale.ticks(tickCount).map((value) => ({ at: scale(value), text: plainText(value) })),
  }
}

/** With more decades than these, one tick for each is enough. */
const finelyTickedDecades = 2.5
/** And for more than these, there is no room for each. */
const decadeTicksMax = 9

const logAxis: AxisMaker = ({ quantity, label = '' }, values, { range }) => {
  const [low, high] = ends(values.filter((value) => value > 0)) ?? [1, 10]
  let [from, to] = [steps(low).findLast((step) => step <= low) ?? low, steps(high).find((step) => step >= high) ?? high]
  if (from === to) [from, to] = [from / 2, to * 2]
  const scale = scaleLinear([Math.log10(from), Math.log10(to)], range)
  const decades = Math.log10(to) - Math.log10(from)
  const digits = decades <= finelyTickedDecades ? [1, 2, 5] : [1]
  const stride = Math.max(1, Math.ceil(decades / decadeTicksMax))
  const ticks: Tick[] = []
  for (let power = Math.floor(Math.log10(from)); power <= Math.ceil(Math.log10(to)); power++) {
    if (power % stride !== 0) continue
    for (const digit of digits) {
      const value = digit * 10 ** power
      // The ends are such values themselves, but for rounding.
      if (value < from * 0.999 || value > to * 1.001) continue
      ticks.push({ at: scale(Math.log10(value)), text: valueText(quantity, value) })
    }
  }
  return { label, place: (value) => (value > 0 ? scale(Math.log10(value)) : Number.NaN), ticks }
}

/** 1, 2 and 5 times the powers of ten around a value. */
function steps(value: number): readonly number[] {
  const power = Math.floor(Math.log10(value))
  return [power - 1, power, power + 1].flatMap((exponent) => [1, 2, 5].map((digit) => digit * 10 ** exponent))
}

const countsAxis: AxisMaker = ({ quantity, label }, values, { range }) => {
  const [low, high] = ends(values) ?? [0, 1]
  const scale = scaleSymlog([low, high > low ? high : low + 1], range)
  const distinct = [...new Set(values)].sort((one, other) => one - other)
  return {
    label: labelOf(label, quantity[0].name),
    place: scale,
    ticks: distinct.map((value) => ({ at: scale(value), text: plainText(value) })),
  }
}

const percentileAxis: AxisMaker = ({ label = 'percentile (%)' }, values, { range }) => {
  const greatest = Math.max(0.9, ...values.filter((value) => value < 1))
  const scale = scaleLinear([0, nines(greatest)], range)
  const place = (value: number): number => (value >= 0 && value < 1 ? scale(nines(value)) : Number.NaN)
  const texts = ['0', '50', '90', '99', '99.9', '99.99', '99.999', '99.9999', '99.99999']
  const ticks = texts.map((text) => ({ share: Number(text) / 100, text }))
  return {
    label,
    place,
    ticks: ticks.filter(({ share }) => share <= greatest).map(({ share, text }) => ({ at: place(share), text })),
  }
}

/** 0.9 is one nine, 0.99 two. */
const nines = (share: number): number => -Math.log10(1 - share)

const scales: Readonly<Record<AxisChoice['scale'], AxisMaker>> = {
  linear: linearAxis,
  log: logAxis,
  counts: countsAxis,
  percentile: percentileAxis,
}

function ends(values: readonly number[]): readonly [number, number] | undefined {
  if (values.length === 0) return undefined
  return values.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
  ] as readonly [number, number])
}

const labelOf = (label: string | undefined, unit: string): string => {
  if (label === undefined) return unit
  return unit === '' ? label : `${label} (${unit})`
}

/** Ticks are round: six digits are all that they have, and what is behind comes from rounding. */
const plainText = (value: number): string =>
  Math.abs(value) >= 1000 ? numberText(value) : String(Number(value.toPrecision(6)))
