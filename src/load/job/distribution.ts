/** Which blocks are asked for how often: fio's `random_distribution`. */
import { ValueError } from './values.js'

export type Distribution =
  | { readonly kind: 'uniform' }
  | { readonly kind: 'zipf'; readonly theta: number }
  /** `power` from 0 to 1: the smaller, the more of the requests go to the fewer blocks. */
  | { readonly kind: 'pareto'; readonly power: number }

/** fio's own defaults. */
const zipfThetaDefault = 1.1
const paretoPowerDefault = 0.2

/** `random`, `zipf`, `zipf:1.2`, `pareto`, `pareto:0.9`. */
export function parseDistribution(text: string): Distribution {
  const [kind = '', value, ...rest] = text.trim().toLowerCase().split(':')
  if (kind === 'random' && value === undefined) return { kind: 'uniform' }
  const number = value === undefined ? undefined : rest.length > 0 ? Number.NaN : Number(value)
  if (kind === 'zipf' && (number === undefined || (number > 0 && number <= 100 && number !== 1))) {
    return { kind, theta: number ?? zipfThetaDefault }
  }
  if (kind === 'pareto' && (number === undefined || (number > 0 && number < 1))) {
    return { kind, power: number ?? paretoPowerDefault }
  }
  throw new ValueError(
    'it must be random, zipf[:theta] with a theta above 0 but not 1, or pareto[:h] with h between 0 and 1',
  )
}
