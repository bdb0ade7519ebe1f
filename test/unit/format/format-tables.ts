/**
 * The tables of docs/format.md that follow from declarations in the code, and the means to put them there. A table stands
 * between two comments that name it; what is outside of them is prose.
 */
import { exceptionFields } from '../../../src/format/exception.js'
import { areaChunk, capacityOf, geometryOf } from '../../../src/format/geometry.js'
import { headerFields } from '../../../src/format/header.js'
import type { RecordFields } from '../../../src/format/record.js'

export const tables: Readonly<Record<string, string>> = {
  geometry: geometryTable([1, 2, 4, 8, 16, 32, 64, 128, 1024, 2 ** 21]),
  header: fieldTable(headerFields),
  entry: fieldTable(exceptionFields),
  capacity: capacityTable([
    [8, 16],
    [8, 24],
    [8, 32],
    [8, 2056],
    [8, 2064],
    [8, 2072],
    [8, 2080],
    [8, 204800],
    [16, 48],
    [16, 204800],
    [1, 34],
    [1, 35],
  ]),
}

const marked = /(<!-- generated: (\w+) -->\n)[\s\S]*?(<!-- \/generated -->)/g

/** The names of the tables that a document has a place for. */
export const placesIn = (document: string): string[] =>
  Array.from(document.matchAll(marked), ([, , name]) => name ?? '')

/** The document with every table as it has to be. */
export const regenerated = (document: string): string =>
  document.replace(marked, (whole, opening: string, name: string, closing: string) => {
    const table = tables[name]
    return table === undefined ? whole : `${opening}${table}\n${closing}`
  })

function fieldTable(fields: RecordFields): string {
  return markdownTable(
    ['byte', 'bytes', 'field', 'holds'],
    Object.entries(fields).map(([name, { byteOffset, byteLength, meaning }]) => [
      byteOffset,
      byteLength,
      name,
      meaning,
    ]),
  )
}

function geometryTable(chunkSizes: readonly number[]): string {
  return markdownTable(
    ['chunk, sectors', 'chunk', 'epa', 'areas 0, 1, 2, 3 at chunk', 'at sector', 'data of an area'],
    chunkSizes.map((chunkSectors) => {
      const g = geometryOf(chunkSectors)
      const areas = [0, 1, 2, 3].map((area) => areaChunk(g, area))
      return [
        chunkSectors,
        binarySize(g.chunkBytes),
        g.entriesPerArea,
        areas.join(', '),
        areas.map((chunk) => chunk * chunkSectors).join(', '),
        binarySize(g.entriesPerArea * g.chunkBytes),
      ]
    }),
  )
}

function capacityTable(cases: readonly (readonly [chunkSectors: number, cowSectors: number])[]): string {
  return markdownTable(
    ['chunk, sectors', 'COW, sectors', 'COW, chunks', 'exceptions', ''],
    cases.map(([chunkSectors, cowSectors]) => {
      const { entriesPerArea } = geometryOf(chunkSectors)
      const chunks = Math.floor(cowSectors / chunkSectors)
      const exactFit = chunks > entriesPerArea && chunks % (entriesPerArea + 1) === 1
      const remark = exactFit ? 'exact fit: in the kernel one more is handed out, and the snapshot is lost' : ''
      return [chunkSectors, cowSectors, chunks, capacityOf(geometryOf(chunkSectors), cowSectors), remark]
    }),
  )
}

function markdownTable(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

function binarySize(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB']
  const step = bytes < 1024 ? 0 : Math.floor(Math.log2(bytes) / 10)
  return `${bytes / 1024 ** step} ${units[step]}`
}
