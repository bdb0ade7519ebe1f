/**
 * `flakey DEVICE OFFSET UP DOWN [COUNT FEATURE...]`: works for UP seconds, misbehaves for DOWN seconds, and so on. For tests
 * of what sits on it.
 *
 * Leaves out on purpose: `corrupt_bio_byte` and the like.
 */
import { TableFault } from './table-fault.js'
import { sectors, type TableLine, uint32 } from './table-text.js'

export const flakeyFeatures = ['error_reads', 'error_writes', 'drop_writes'] as const
export type FlakeyFeature = (typeof flakeyFeatures)[number]

export interface FlakeySpec {
  readonly type: 'flakey'
  readonly device: string
  readonly offset: number
  readonly upSeconds: number
  readonly downSeconds: number
  readonly features: readonly FlakeyFeature[]
}

export function parseFlakey({ words }: TableLine): FlakeySpec {
  const [device, offsetWord, upWord, downWord, countWord, ...featureWords] = words
  if (device === undefined || words.length < 4) throw new TableFault('Invalid argument count')
  const offset = sectors(offsetWord)
  if (offset === undefined) throw new TableFault('Invalid device sector')
  const upSeconds = uint32(upWord)
  if (upSeconds === undefined) throw new TableFault('Invalid up interval')
  const downSeconds = uint32(downWord)
  if (downSeconds === undefined) throw new TableFault('Invalid down interval')
  if (upSeconds + downSeconds === 0) throw new TableFault('Total (up + down) interval is zero')
  const count = countWord === undefined ? 0 : uint32(countWord)
  if (count === undefined || count !== featureWords.length) throw new TableFault('Invalid number of feature args')
  const features = featureWords.map((word) => {
    const feature = flakeyFeatures.find((known) => known === word)
    if (feature === undefined) throw new TableFault('Unrecognised flakey feature requested')
    return feature
  })
  if (features.includes('drop_writes') && features.includes('error_writes')) {
    throw new TableFault('Feature drop_writes conflicts with feature error_writes')
  }
  return { type: 'flakey', device, offset, upSeconds, downSeconds, features }
}

export function flakeyTable(spec: FlakeySpec, numbers: readonly string[]): string {
  const { downSeconds, features, offset, upSeconds } = spec
  const tail = features.length === 0 ? '' : ` ${features.length} ${features.join(' ')}`
  return `${numbers[0]} ${offset} ${upSeconds} ${downSeconds}${tail}`
}
