/** `linear DEVICE OFFSET`: a stretch of another device. */
import { TableFault } from './table-fault.js'
import { sectors, type TableLine } from './table-text.js'

export interface LinearSpec {
  readonly type: 'linear'
  readonly device: string
  readonly offset: number
}

export function parseLinear({ words }: TableLine): LinearSpec {
  const [device, offsetWord] = words
  if (words.length !== 2 || device === undefined) throw new TableFault('Invalid argument count')
  const offset = sectors(offsetWord)
  if (offset === undefined) throw new TableFault('Invalid device sector')
  return { type: 'linear', device, offset }
}

export const linearTable = (spec: LinearSpec, numbers: readonly string[]): string => `${numbers[0]} ${spec.offset}`
