/** What a table says of an origin and its snapshots, where it is one target of that kind. */
import { sectorBytes } from '../base/units.js'

export interface FamilyTarget {
  readonly type: 'snapshot-origin' | 'snapshot' | 'snapshot-merge'
  /** The device below, `major:minor`: the same for all of a family. */
  readonly origin: string
  /** 0 for an origin, which has none of its own. */
  readonly chunkBytes: number
}

/** `0 204800 snapshot 254:1 254:2 P 32`; `undefined` for every other table. Source: the kernel's table lines. */
export function familyTargetOf(table: string): FamilyTarget | undefined {
  const [, , type, origin, , , chunkSectors] = table.split(' ')
  if (table.includes('\n') || origin === undefined) return undefined
  if (type === 'snapshot-origin') return { type, origin, chunkBytes: 0 }
  if (type !== 'snapshot' && type !== 'snapshot-merge') return undefined
  return { type, origin, chunkBytes: Number(chunkSectors) * sectorBytes }
}
