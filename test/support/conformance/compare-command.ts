/** A command's exit code and output against the recorded ones, and the causes it prints against the kernel's log. */
import { type CommandRecord, parseDmsetup } from '../recording.js'
import type { Asked, Difference } from './differences.js'
import type { Answer } from './layer.js'
import { compareLog, isLogLine } from './log-lines.js'
import { minorsByName, namedTable, recordedTableLine, withoutMajors } from './numbers.js'
import type { Surroundings } from './surroundings.js'

/** `absent` are devices that are not there on purpose: lines about them are left out. */
export function compareCommand(
  { layer, storage }: Surroundings,
  record: CommandRecord,
  answer: Answer,
  { minorsBefore, absent }: { minorsBefore: ReadonlyMap<string, number>; absent: ReadonlySet<string> },
): readonly Difference[] {
  const { verb, name } = parseDmsetup(record.cmd)
  const asked = askedBy(record)
  const minors = new Map([...minorsBefore, ...minorsByName(layer)])
  const normal = (lines: readonly string[]) => lines.map((line) => withoutMajors(line, minors))
  const about = (line: string) => !absent.has(/^([^ :]+): /.exec(line)?.[1] ?? '')
  const recordedOut = record.out.filter((line) => name !== undefined || about(line))
  const expected = inWords(
    record.rc,
    verb === 'table' ? recordedOut.map((line) => recordedTableLine(line, name)) : recordedOut,
    normal(record.err),
  )
  const causes = normal(answer.err.filter(isLogLine))
  const others = normal(answer.err.filter((line) => !isLogLine(line)))
  // What the kernel did it logged no cause for, so ours is part of the answer.
  const isRefusedHereOnly = record.rc === 0 && answer.rc !== 0
  const found = inWords(
    answer.rc,
    answer.out.map((line) => namedTable(layer, storage, line)),
    isRefusedHereOnly ? [...causes, ...others] : others,
  )
  const log = isRefusedHereOnly ? [] : compareLog(normal(record.klog), causes)
  return [
    ...(expected === found ? [] : [{ asked, what: record.cmd, expected, found }]),
    ...log.map((difference) => ({ asked: { ...asked, aspect: 'log' } as const, what: record.cmd, ...difference })),
  ]
}

function askedBy(record: CommandRecord): Asked {
  const { verb, table } = parseDmsetup(record.cmd)
  if (table === undefined) return { aspect: 'answer', verb }
  const lines = table.map(({ start, sectors, target, args }) => [start, sectors, target, ...args].join(' '))
  return { aspect: 'answer', verb, table: lines.join('\n') }
}

/** Blanks at the end of a line count: an empty status leaves one. */
function inWords(rc: number, out: readonly string[], err: readonly string[]): string {
  return [`exit ${rc}`, ...out.map((line) => `'${line}'`), ...err.map((line) => `stderr '${line}'`)].join(', ')
}
