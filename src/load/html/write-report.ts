/**
 * Writes the report of some runs: beside its place first, then in its place, so that nobody finds half of one, and a failure
 * leaves what was there before.
 *
 * What is no file, such as a pipe or a terminal, is written to as it is; a link leads to what it names.
 */
import { randomUUID } from 'node:crypto'
import { realpath, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { CowringError } from '../../index.js'
import { reportHtml } from '../../report/report-html.js'
import type { LoadResult } from '../result/load-result.js'
import { runDocument } from './run-document.js'

/** Fails with IO_ERROR. */
export async function writeReport(path: string, results: readonly LoadResult[]): Promise<void> {
  const page = reportHtml(runDocument(results))
  try {
    await putInPlace(path, page)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    const text = `the report ${path} cannot be written (${why}); name a place with room that can be written to`
    throw new CowringError('IO_ERROR', text, { path }, error)
  }
}

async function putInPlace(path: string, page: string): Promise<void> {
  const place = await realpath(path).catch(() => path)
  const found = await stat(place).catch(() => undefined)
  if (found !== undefined && !found.isFile()) return writeFile(place, page)
  // Not longer than its name may be, however long that is.
  const beside = join(dirname(place), `.${randomUUID()}.tmp`)
  try {
    await writeFile(beside, page, { flag: 'wx' })
    await rename(beside, place)
  } catch (error) {
    await rm(beside, { force: true })
    throw error
  }
}
