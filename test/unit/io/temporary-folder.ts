/** A folder for the files of one test file, gone afterwards. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { CowringError } from '../../../src/base/errors.js'

/** Answers a function that makes paths in the folder. */
export function temporaryFolder(): (name: string) => string {
  const folder = mkdtempSync(join(tmpdir(), 'cowring-io-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  return (name) => join(folder, name)
}

/** The operating error that `action` fails with. */
export function refusal(action: () => unknown): CowringError {
  try {
    action()
  } catch (error) {
    if (error instanceof CowringError) return error
    throw error
  }
  throw new Error('expected a CowringError, and nothing was thrown')
}
