/** `striped COLUMNS CHUNK (DEVICE OFFSET)...`: chunks go round the columns. */
import { TableFault } from './table-fault.js'
import { sectors, type TableLine, uint32 } from './table-text.js'

export interface StripedSpec {
  readonly type: 'striped'
  readonly chunkSectors: number
  readonly columns: readonly { readonly device: string; readonly offset: number }[]
}

export function parseStriped({ length, words }: TableLine): StripedSpec {
  if (words.length < 2) throw new TableFault('Not enough arguments')
  const count = uint32(words[0])
  if (count === undefined || count === 0) throw new TableFault('Invalid stripe count')
  const chunkSectors = uint32(words[1])
  if (chunkSectors === undefined || chunkSectors === 0) throw new TableFault('Invalid chunk_size')
  if (length % count !== 0) throw new TableFault('Target length not divisible by number of stripes')
  if ((length / count) % chunkSectors !== 0) throw new TableFault('Target length not divisible by chunk size')
  if (words.length !== 2 + 2 * count) throw new TableFault('Not enough destinations specified')
  const columns = Array.from({ length: count }, (_, column) => {
    const offset = sectors(words[3 + 2 * column])
    if (offset === undefined) throw new TableFault("Couldn't parse stripe destination")
    return { device: words[2 + 2 * column] ?? '', offset }
  })
  return { type: 'striped', chunkSectors, columns }
}

export const stripedTable = ({ chunkSectors, columns }: StripedSpec, numbers: readonly string[]): string =>
  [columns.length, chunkSectors, ...columns.map(({ offset }, index) => `${numbers[index]} ${offset}`)].join(' ')

/** A letter for each column: `D` for one that has seen an I/O error, `A` for the others. */
export const stripedStatus = (numbers: readonly string[], hasFailed: readonly boolean[]): string =>
  `${numbers.length} ${numbers.join(' ')} 1 ${hasFailed.map((failed) => (failed ? 'D' : 'A')).join('')}`
