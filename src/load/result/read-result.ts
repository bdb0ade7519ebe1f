/** Reads what a run of the load harness left: its record by itself, or in fio's JSON under `cowring`. */
import { readFile } from 'node:fs/promises'
import { CowringError } from '../../index.js'
import type { LoadResult } from './load-result.js'
import { resultFault } from './result-shape.js'

/** Fails with INVALID_ARGUMENT, or with what the system says of the file. */
export async function readResult(path: string): Promise<LoadResult> {
  return parseResult(await readFile(path, 'utf8'), path)
}

/** `path` is where the text is from; it is in the text of errors. */
export function parseResult(text: string, path: string): LoadResult {
  const value = parsed(text, path)
  const record = isRecord(value) && 'cowring' in value ? value.cowring : value
  if (!isRecord(record) || record.format !== 'cowring-load-1') {
    const found =
      isRecord(record) && record.format !== undefined ? `its format is ${JSON.stringify(record.format)}` : ''
    throw refusal(path, `is no result of 'cowring load'${found === '' ? '' : `: ${found}`}`)
  }
  const fault = resultFault(record)
  if (fault !== undefined) throw refusal(path, `is damaged: ${fault}`)
  return record as unknown as LoadResult
}

function parsed(text: string, path: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw refusal(path, `is no JSON (${error instanceof Error ? error.message : error})`)
  }
}

const refusal = (path: string, what: string): CowringError =>
  new CowringError(
    'INVALID_ARGUMENT',
    `${path} ${what}; give a file that 'cowring load --output-format=json' wrote, of this version`,
    { path },
  )

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
