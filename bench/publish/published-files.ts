/** Everything that publishing a run comes to, as files: docs/benchmarks.md and the plots beside it. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { svgFile } from '../../src/report/svg-file.js'
import { generatedPart } from './benchmark-document.js'
import { chaptersOf } from './chapters.js'
import { withGeneratedPart } from './markers.js'
import { readRecords } from './records.js'

const documentName = 'benchmarks.md'
const plotFolder = 'benchmarks'
export const recordsName = join(plotFolder, 'results.jsonl')

/** Contents by path below `docs`. The prose of the document is what stands there now. */
export function publishedFiles(docs: string): Map<string, string> {
  const records = readRecords(join(docs, recordsName))
  const document = readFileSync(join(docs, documentName), 'utf8')
  const plots = chaptersOf(records).flatMap((chapter) => chapter.plots)
  return new Map([
    [documentName, withGeneratedPart(document, generatedPart(records, plotFolder))],
    ...plots.map(({ name, plot }): [string, string] => [join(plotFolder, `${name}.svg`), svgFile(plot)]),
  ])
}

/** Plots that no record asks for any more. */
export function leftOverPlots(docs: string, files: ReadonlyMap<string, string>): string[] {
  const folder = join(docs, plotFolder)
  const names = existsSync(folder) ? readdirSync(folder) : []
  return names.map((name) => join(plotFolder, name)).filter((name) => name.endsWith('.svg') && !files.has(name))
}

export function publish(docs: string): string[] {
  const files = publishedFiles(docs)
  for (const name of leftOverPlots(docs, files)) rmSync(join(docs, name))
  for (const [name, content] of files) {
    mkdirSync(dirname(join(docs, name)), { recursive: true })
    writeFileSync(join(docs, name), content)
  }
  return [...files.keys()]
}
