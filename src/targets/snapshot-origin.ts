/** `snapshot-origin DEVICE`: writes save the old chunk in every snapshot of DEVICE first. */
import { TableFault } from './table-fault.js'
import type { TableLine } from './table-text.js'

export interface OriginSpec {
  readonly type: 'snapshot-origin'
  readonly device: string
}

export function parseOrigin({ words }: TableLine): OriginSpec {
  const [device] = words
  if (words.length !== 1 || device === undefined) throw new TableFault('origin: incorrect number of arguments')
  return { type: 'snapshot-origin', device }
}
