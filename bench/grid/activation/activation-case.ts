/** How much there is to be loaded when an origin is opened. */
import type { Target } from '../grid-case.js'

export interface ActivationCase {
  readonly exceptions: number
  /** Of the time, and of the memory for each exception; there where the figure is no longer about something else. */
  readonly target: Target | undefined
  readonly memoryTarget: Target | undefined
}

const below = (value: number): Target => ({ kind: 'below', value, unit: 'ms' })
const atMost = (value: number, unit: string): Target => ({ kind: 'at-most', value, unit })

export const activationCases: readonly ActivationCase[] = [
  { exceptions: 100_000, target: undefined, memoryTarget: undefined },
  { exceptions: 1_000_000, target: below(500), memoryTarget: undefined },
  { exceptions: 10_000_000, target: atMost(2000, 'ms'), memoryTarget: atMost(24, 'B') },
]

/** Stable: what `--case` matches and what a record in a file is found by. */
export const activationCaseName = ({ exceptions }: ActivationCase): string => `activation/${exceptions}-exceptions`
