/** What is said of a run as a whole: where, when and how it was made, and what it came to. */
import { figureText, targetText } from '../grid/figure-text.js'
import { isDisturbed, type Outcome, type OutcomeRecord } from '../grid/outcome.js'

export interface RunFact {
  readonly name: string
  readonly value: string
}

export function factsOf(records: readonly OutcomeRecord[]): RunFact[] {
  const [first] = records
  if (first === undefined) return []
  const { command, machine } = first
  const { cores, disk, kernel, loadAtStart, memoryBytes, node, processor, programs, startedAt, tmpfs } = machine
  return [
    { name: 'command', value: command },
    { name: 'date', value: startedAt.slice(0, 10) },
    { name: 'machine', value: `${processor}, ${cores} cores, ${(memoryBytes / 2 ** 30).toFixed(0)} GiB` },
    { name: 'system', value: `Linux ${kernel}, Node ${node}; memory files on ${tmpfs}, disk files on ${disk}` },
    { name: 'load at the start', value: loadAtStart.toFixed(2) },
    ...Object.entries(programs).map(([name, value]) => ({ name, value })),
  ]
}

export interface Verdict {
  readonly text: string
  /** One line for each target that was missed. */
  readonly missed: readonly string[]
  /** Cases of which a figure says nothing, because others had too much of the machine. */
  readonly disturbed: readonly string[]
}

export function verdictOf(outcomes: readonly Outcome[]): Verdict {
  const judged = outcomes.filter(({ reached }) => reached !== null)
  const missed = judged.filter(({ reached }) => reached === false)
  return {
    text: `${judged.length - missed.length} of ${judged.length} targets reached`,
    missed: missed.map(missedText),
    disturbed: outcomes.filter(isDisturbed).map(({ case: name }) => name),
  }
}

function missedText({ added, case: name, engine, ratio, target, unit }: Outcome): string {
  const wanted = target === null ? '' : targetText(target)
  if (target?.kind.startsWith('ratio')) return `${name}: ${(ratio ?? Number.NaN).toFixed(3)}, not ${wanted}`
  const figure = figureText(added ?? engine ?? Number.NaN, unit)
  return `${name}: ${added === null ? figure : `${figure} added`}, not ${wanted}`
}
