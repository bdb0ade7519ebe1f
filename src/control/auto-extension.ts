/**
 * Automatic extension of COWs that are regular files, by LVM2's two settings: above `threshold` percent, by at least
 * `percent` of the present size and by as much as it takes to come down to the threshold; never beyond the largest useful size.
 *
 * A store that fills up before it is extended does not overflow: its claims wait, as long as extending it works.
 */
import { CowringError } from '../base/errors.js'
import { bytesToSectors, sectorsToBytes } from '../base/units.js'
import { endPositionOf } from '../format/geometry.js'
import { extendPercent, maximumCowSectors } from '../format/sizing.js'
import { canExtend, extendFile } from '../io/extend-file.js'
import type { MapperOptions } from './mapper-types.js'
import { PhysicalDevice } from './physical-devices.js'
import type { StoreInstance } from './store-instance.js'

type Outcome =
  | { readonly kind: 'extended'; readonly fromSectors: number; readonly toSectors: number }
  | { readonly kind: 'extend-failed'; readonly reason: string }

/** LVM2 takes no lower threshold. */
const thresholdMin = 50

/** Fails with INVALID_ARGUMENT. */
export function checkMapperOptions({ autoExtend, watermarks = [] }: MapperOptions): void {
  const wrong = watermarks.find((mark) => !(mark > 0 && mark <= 100))
  if (wrong !== undefined) {
    throw new CowringError('INVALID_ARGUMENT', `a watermark is a percentage above 0 and at most 100, not ${wrong}`)
  }
  if (autoExtend === undefined) return
  const { percent, threshold } = autoExtend
  if (threshold >= thresholdMin && threshold <= 100 && percent > 0 && Number.isFinite(percent)) return
  const text = `autoExtend takes a threshold from ${thresholdMin} to 100 and a percent above 0, not ${threshold} and ${percent}`
  throw new CowringError('INVALID_ARGUMENT', text)
}

/** True if there is no room for one more chunk. */
function isFull({ plan, store }: StoreInstance): boolean {
  if (store === undefined) return false
  const cowSectors = bytesToSectors(plan.cow.sizeBytes())
  const { cursor, dataIndexOffset, geometry } = store
  if (plan.spec.store === 'N') return cursor.claimed() >= Math.floor(cowSectors / geometry.chunkSectors)
  return cursor.claimed() >= endPositionOf(geometry, cowSectors, dataIndexOffset)
}

export class AutoExtension {
  readonly #threshold: number
  readonly #percent: number
  /** Those that could not be extended, and at which size: not tried again and again. */
  readonly #failedAt = new WeakMap<StoreInstance, number>()

  constructor({ percent, threshold }: NonNullable<MapperOptions['autoExtend']>) {
    this.#threshold = threshold
    this.#percent = percent
  }

  /** Where in a store's usage to look again. */
  marks(instance: StoreInstance): number[] {
    // The first usage above the threshold, in the hundredths that Data% has.
    return this.#cowOf(instance) === undefined ? [] : [(this.#threshold * 100 + 1) / 100]
  }

  /** Extends the COW if it is time to; `undefined` if it is not. */
  extend(instance: StoreInstance): Outcome | undefined {
    const cow = this.#cowOf(instance)
    instance.store?.cursor.setExtendable(cow !== undefined)
    if (cow === undefined) return undefined
    const wanted = extendPercent(instance.percent(), this.#threshold, this.#percent)
    // A few large chunks can be all there is room for and yet stay below the threshold; claims wait for this then.
    const by = wanted === 0 && isFull(instance) ? this.#percent : wanted
    if (by === 0) return undefined
    const fromSectors = bytesToSectors(cow.sizeBytes())
    const toSectors = this.#sizeAfter(instance, fromSectors, by)
    try {
      extendFile(cow.descriptor(), cow.name, sectorsToBytes(toSectors))
    } catch (error) {
      this.#failedAt.set(instance, fromSectors)
      instance.store?.cursor.setExtendable(false)
      return { kind: 'extend-failed', reason: error instanceof Error ? error.message : String(error) }
    }
    instance.store?.cursor.setExtendable(this.#cowOf(instance) !== undefined)
    return { kind: 'extended', fromSectors, toSectors }
  }

  /** Whole chunks, at least one more, at most what can be of use. */
  #sizeAfter(instance: StoreInstance, fromSectors: number, byPercent: number): number {
    const { chunkSectors } = instance
    const wanted = fromSectors + Math.max(chunkSectors, Math.ceil((fromSectors * byPercent) / 100))
    return Math.min(this.#sectorsMax(instance), Math.ceil(wanted / chunkSectors) * chunkSectors)
  }

  #sectorsMax({ chunkSectors, plan }: StoreInstance): number {
    return maximumCowSectors(bytesToSectors(plan.family.device.sizeBytes()), chunkSectors)
  }

  /** The COW, if extending it is possible and of use. */
  #cowOf(instance: StoreInstance): PhysicalDevice | undefined {
    const { cow } = instance.plan
    if (this.#threshold >= 100 || !(cow instanceof PhysicalDevice) || !canExtend(cow.descriptor())) return undefined
    const sectors = bytesToSectors(cow.sizeBytes())
    if (this.#failedAt.get(instance) === sectors) return undefined
    return instance.chunkSectors > 0 && sectors < this.#sectorsMax(instance) ? cow : undefined
  }
}
