/** Reads what a run of the load harness left: its record by itself, or in fio's JSON under `cowring`. */
import { readFile } from 'node:fs/promises'
import { CowringError } from '../../index.js'
import type { LoadResult } from './load-result.js'
import { resultFault } from './result-shape.js'

/** Fails with INVALID_ARGUMENT, IO_ERROR. */
export async function readResult(path: string): Promise<LoadResult> {
  try {
    return parseResult(await readFile(path, 'utf8'), path)
  } catch (error) {
    if (error instanceof CowringError) throw error
    throw new CowringError('IO_ERROR', `${path} cannot be read (${messageOf(error)}); ${advice}`, { path }, error)
  }
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
    throw refusal(path, `is no JSON (${messageOf(error)})`)
  }
}

const advice = "give a JSON file that 'cowring load' of this version wrote"

/** In one line, whatever it quotes. */
const messageOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).replaceAll(/\s+/g, ' ')

const refusal = (path: string, what: string): CowringError =>
  new CowringError('INVALID_ARGUMENT', `${path} ${what}; ${advice}`, { path })

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
