/** What `cowring store` prints for people, and the JSON of the same. */
import type { StoreEntry, StoreReport } from '../../index.js'

const sectorBytes = 512

export function reportText(report: StoreReport): string {
  const { chunkSectors, usage, percent } = report
  const lines: (readonly [string, string])[] = [
    ['Store', report.path],
    ['Size', `${report.cowSectors} sectors (${sizeText(report.cowSectors)})`],
    ['State', stateOf(report)],
  ]
  if (report.kind === 'store') lines.push(['Version', `${report.version}`])
  if (chunkSectors !== undefined) lines.push(['Chunk', `${chunkSectors} sectors (${sizeText(chunkSectors)})`])
  if (usage !== undefined) {
    const { allocatedSectors, totalSectors, metadataSectors } = usage
    lines.push(
      ['Entries', `${report.entries} in ${report.areas} area${report.areas === 1 ? '' : 's'}`],
      ['Usage', `${allocatedSectors}/${totalSectors} ${metadataSectors} (${percent?.toFixed(2)} %)`],
    )
  }
  lines.push(
    ['Problems', report.problemCount === 0 ? 'none' : `${report.problemCount}`],
    ['Remarks', report.remarks.length === 0 ? 'none' : `${report.remarks.length}`],
  )
  const width = Math.max(...lines.map(([label]) => label.length)) + 2
  return lines.map(([label, value]) => `${`${label}:`.padEnd(width)}${value}\n`).join('') + problemText(report)
}

export function checkText(report: StoreReport): string {
  const { entries, path, problemCount, remarks } = report
  const problems =
    problemCount === 0 ? `no problem in ${entries} entries` : `${problemCount} problem${problemCount === 1 ? '' : 's'}`
  const more = remarks.length === 0 ? '' : `, ${remarks.length} remark${remarks.length === 1 ? '' : 's'}`
  return `${path}: ${problems}${more}\n${problemText(report)}`
}

/** One line a problem, and one a remark. */
function problemText({ problems, problemCount, remarks }: StoreReport): string {
  const more = problemCount - problems.length
  const lines = [...problems, ...(more > 0 ? [`and ${more} more`] : []), ...remarks.map((text) => `remark: ${text}`)]
  return lines.map((line) => `  ${line}\n`).join('')
}

export function stateOf({ kind, valid }: StoreReport): string {
  if (kind !== 'store') return kind === 'blank' ? 'blank, no store yet' : 'no store'
  return valid === true ? 'valid' : 'invalid'
}

export const reportJson = (report: StoreReport) => ({
  path: report.path,
  cowSectors: report.cowSectors,
  kind: report.kind,
  valid: report.valid ?? null,
  version: report.version ?? null,
  chunkSectors: report.chunkSectors ?? null,
  entries: report.entries,
  areas: report.areas,
  usage: report.usage ?? null,
  percent: report.percent ?? null,
  problemCount: report.problemCount,
  problems: report.problems,
  remarks: report.remarks,
})

export const entryText = ({ entry, oldChunk, newChunk, problem }: StoreEntry): string =>
  `${entry} ${oldChunk} ${newChunk}${problem === undefined ? '' : `  # ${problem}`}`

export const entryJson = ({ entry, oldChunk, newChunk, problem }: StoreEntry): string =>
  JSON.stringify({ entry, oldChunk, newChunk, problem: problem ?? null })

function sizeText(sectors: number): string {
  let size = sectors * sectorBytes
  for (const unit of ['bytes', 'KiB', 'MiB', 'GiB']) {
    if (size < 1024) return `${Number(size.toFixed(2))} ${unit}`
    size /= 1024
  }
  return `${Number(size.toFixed(2))} TiB`
}
