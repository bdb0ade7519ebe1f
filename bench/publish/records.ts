/** The records of a run, as `npm run bench -- --json FILE` keeps them. */
import { existsSync, readFileSync } from 'node:fs'
import type { OutcomeRecord } from '../grid/outcome.js'

/** None where there is no file: nothing has been published yet. Throws for a line that is no record. */
export function readRecords(path: string): OutcomeRecord[] {
  if (!existsSync(path)) return []
  const lines = readFileSync(path, 'utf8').split('\n')
  return lines.flatMap((line, index) => (line === '' ? [] : [recordIn(line, `${path}:${index + 1}`)]))
}

function recordIn(line: string, where: string): OutcomeRecord {
  const record = JSON.parse(line)
  const isWhole = typeof record.section === 'string' && typeof record.case === 'string' && record.machine !== undefined
  if (!isWhole) throw new Error(`${where} is no record of npm run bench`)
  return record
}
