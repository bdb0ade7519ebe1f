/** `error`: every request fails. `zero`: reads zeroes, drops writes. Neither looks at its arguments more than the kernel. */
import { TableFault } from './table-fault.js'
import type { TableLine } from './table-text.js'

export interface ErrorSpec {
  readonly type: 'error'
}
export interface ZeroSpec {
  readonly type: 'zero'
}

export const parseError = (_line: TableLine): ErrorSpec => ({ type: 'error' })

export function parseZero({ words }: TableLine): ZeroSpec {
  if (words.length !== 0) throw new TableFault('No arguments required')
  return { type: 'zero' }
}
