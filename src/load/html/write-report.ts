/**
 * Writes the report of some runs: beside its place first, then in its place, so that nobody finds half of one, and a failure
 * leaves what was there before.
 *
 * What is no file, such as a pipe or a terminal, is written to as it is; a link leads to what it names.
 */
import { randomUUID } from 'node:crypto'
import { realpath, rename, rm, stat, writeFile } from 'node:fs/promises'
import { reportHtml } from '../../report/report-html.js'
import type { LoadResult } from '../result/load-result.js'
import { runDocument } from './run-document.js'

export async function writeReport(path: string, results: readonly LoadResult[]): Promise<void> {
  const page = reportHtml(runDocument(results))
  const place = await realpath(path).catch(() => path)
  const found = await stat(place).catch(() => undefined)
  if (found !== undefined && !found.isFile()) return writeFile(place, page)
  const beside = `${place}.${randomUUID()}.tmp`
  try {
    await writeFile(beside, page, { flag: 'wx' })
    await rename(beside, place)
  } catch (error) {
    await rm(beside, { force: true })
    throw error
  }
}
