/** A row of a table on the terminal. Rows come as they are measured, so the widths are fixed. */

export interface Column {
  readonly title: string
  readonly width: number
  readonly flush: 'left' | 'right'
}

export function layOut(columns: readonly Column[], cells: readonly string[]): string {
  return columns
    .map(({ flush, width }, column) => {
      const cell = cells[column] ?? ''
      return flush === 'left' ? cell.padEnd(width) : cell.padStart(width)
    })
    .join('  ')
    .trimEnd()
}

export const titleRow = (columns: readonly Column[]): string =>
  layOut(
    columns,
    columns.map(({ title }) => title),
  )
