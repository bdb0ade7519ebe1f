/**
 * `snapshot ORIGIN COW STORE CHUNK [COUNT FEATURE...]`, and `snapshot-merge` with the same words.
 *
 * Words are parsed strictly: the kernel looks at the first letters of STORE and leaves out what follows the features. The
 * order of the checks is the kernel's; the store's words come after the devices have been found, which is why they have a
 * function of their own.
 */
import { TableFault } from './table-fault.js'
import { type TableLine, uint32 } from './table-text.js'

export type StoreLetters = 'P' | 'PO' | 'N'

export interface SnapshotSpec {
  readonly type: 'snapshot' | 'snapshot-merge'
  readonly origin: string
  readonly cow: string
  readonly storeWord: string
  readonly chunkWord: string
  readonly discardZeroesCow: boolean
  readonly discardPassdownOrigin: boolean
}

export interface StoreSpec {
  readonly store: StoreLetters
  /** 0: the store's own, or the default. */
  readonly chunkSectors: number
}

const featuresMax = 2
const zeroes = 'discard_zeroes_cow'
const passdown = 'discard_passdown_origin'

/** Fails with TableFault. */
export function parseSnapshot({ type, words }: TableLine): SnapshotSpec {
  const [origin, cow, storeWord, chunkWord, ...featureWords] = words
  if (origin === undefined || cow === undefined || storeWord === undefined || chunkWord === undefined) {
    throw new TableFault('requires 4 or more arguments')
  }
  const features = parseFeatures(featureWords)
  const discardZeroesCow = features.includes(zeroes)
  const discardPassdownOrigin = features.includes(passdown)
  if (discardPassdownOrigin && !discardZeroesCow) throw new TableFault(`${passdown} feature depends on ${zeroes}`)
  return {
    type: type === 'snapshot' ? type : 'snapshot-merge',
    origin,
    cow,
    storeWord,
    chunkWord,
    discardZeroesCow,
    discardPassdownOrigin,
  }
}

function parseFeatures([countWord, ...given]: readonly string[]): string[] {
  if (countWord === undefined) return []
  const count = uint32(countWord)
  if (count === undefined || count > featuresMax || count > given.length) {
    throw new TableFault('Invalid number of feature arguments')
  }
  const features = given.slice(0, count).map((word) => word.toLowerCase())
  if (features.some((word) => word !== zeroes && word !== passdown)) {
    throw new TableFault('Unrecognised feature requested')
  }
  const extra = given[count]
  if (extra !== undefined) throw new TableFault(`Invalid number of feature arguments: '${extra}' follows them`)
  return features
}

const failed = (why: string): TableFault => new TableFault(`Couldn't create exception store: ${why}`)

/** Fails with TableFault. */
export function parseStore({ chunkWord, storeWord }: Pick<SnapshotSpec, 'storeWord' | 'chunkWord'>): StoreSpec {
  const store = (['P', 'PO', 'N'] as const).find((letters) => letters === storeWord.toUpperCase())
  if (store === undefined) {
    const option = /^p(.)/i.exec(storeWord)?.[1]
    throw failed(
      option === undefined || option.toUpperCase() === 'O'
        ? `Exception store type is not P or N: '${storeWord}'`
        : `Unsupported persistent store option: ${option}`,
    )
  }
  const chunkSectors = uint32(chunkWord)
  if (chunkSectors === undefined) throw failed(`Invalid chunk size: '${chunkWord}'`)
  if (store === 'N' && chunkSectors === 0) throw new TableFault('Chunk size not set')
  return { store, chunkSectors }
}

/** `chunkSectors` is the store's, whatever the table asked for. */
export function snapshotTable(
  spec: SnapshotSpec & { readonly store: StoreLetters; readonly chunkSectors: number },
  numbers: readonly string[],
): string {
  const features = [...(spec.discardZeroesCow ? [zeroes] : []), ...(spec.discardPassdownOrigin ? [passdown] : [])]
  const tail = features.length === 0 ? '' : ` ${features.length} ${features.join(' ')}`
  return `${numbers[0]} ${numbers[1]} ${spec.store} ${spec.chunkSectors}${tail}`
}
