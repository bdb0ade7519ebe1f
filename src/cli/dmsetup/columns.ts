/**
 * Rows in columns, as LVM2's reports print them: headings to the left, numbers to the right, every column at least as wide as
 * its field says, the last one filled up as well.
 */

export interface Column {
  readonly id: string
  readonly heading: string
  readonly width: number
  readonly isNumber: boolean
}

export interface ColumnStyle {
  readonly headings: boolean
  /** Given: columns are not aligned. */
  readonly separator?: string | undefined
  /** `DM_NAME='…'` instead of bare values. */
  readonly prefixes: boolean
}

export function columnText(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  style: ColumnStyle,
): string {
  const isAligned = style.separator === undefined && !style.prefixes
  const separator = style.separator ?? ' '
  const widths = columns.map((column, at) => {
    const widest = rows.reduce((width, row) => Math.max(width, row[at]?.length ?? 0), column.width)
    return style.headings ? Math.max(widest, column.heading.length) : widest
  })
  const line = (cells: readonly string[], isHeading: boolean): string =>
    cells
      .map((cell, at) => {
        const width = isAligned ? (widths[at] ?? 0) : 0
        return columns[at]?.isNumber === true && !isHeading ? cell.padStart(width) : cell.padEnd(width)
      })
      .join(separator)
  const headings = style.headings
    ? [
        line(
          columns.map(({ heading }) => heading),
          true,
        ),
      ]
    : []
  const lines = rows.map((row) =>
    line(style.prefixes ? row.map((cell, at) => prefixed(columns[at], cell)) : row, false),
  )
  return [...headings, ...lines].map((text) => `${text}\n`).join('')
}

const prefixed = (column: Column | undefined, cell: string): string =>
  `DM_${(column?.id ?? '').toUpperCase()}='${cell}'`
