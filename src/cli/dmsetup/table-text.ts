/**
 * A table as dmsetup takes it: lines of `START LENGTH TYPE ARGUMENTS`, from the command line, a file or standard input. Blank
 * lines and everything from a `#` on are left out.
 */
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Call } from './context.js'
import { DmsetupFailure } from './failure.js'

/** The table a call names: `--table`, a file, or standard input. */
export async function tableOf(call: Call, file: string | undefined): Promise<string> {
  const { table } = call.options
  if (table !== undefined) return tableLines(table, '')
  if (file === undefined) return tableLines(await call.context.stdin(), 'on stdin')
  let text: string
  try {
    text = await readFile(resolve(call.context.folder, file), 'utf8')
  } catch {
    throw new DmsetupFailure(`Couldn't open '${file}' for reading.`)
  }
  return tableLines(text, file)
}

/** The lines that name targets, joined by newlines; `where` is for the message about one that does not. */
export function tableLines(text: string, where: string): string {
  const targets: string[] = []
  for (const [at, line] of text.split('\n').entries()) {
    const trimmed = line.trim()
    if (trimmed === '' || trimmed.startsWith('#')) continue
    const target = /^(\d+)\s+(\d+)\s+(\S+)\s*(.*)$/.exec(trimmed)
    if (target === null) throw new DmsetupFailure(`Invalid format on line ${at + 1} of table ${where}.`)
    const [, start, length, type, rest] = target
    const words = (rest ?? '').split('#')[0]?.trimEnd() ?? ''
    targets.push(`${start} ${length} ${type}${words === '' ? '' : ` ${words}`}`)
  }
  return targets.join('\n')
}
