/**
 * What happens to devices: found out when a worker raises an event, counted, told to listeners and to those who wait.
 */
import type { Machinery } from '../coordinator/machinery.js'
import { storeState } from '../shm/commit-cursor.js'
import { stripeEventsMax, stripeFailures } from '../shm/stripe-failures.js'
import { AutoExtension } from './auto-extension.js'
import type { MappedDevice } from './mapped-device.js'
import type { MapperEvent, MapperOptions } from './mapper-types.js'
import type { Stack } from './stack.js'
import type { StoreInstance } from './store-instance.js'
import { nextWatermark } from './watermark.js'

type Happening = MapperEvent extends infer Event
  ? Event extends MapperEvent
    ? Omit<Event, 'device' | 'eventNumber'>
    : never
  : never

export class MapperEvents {
  readonly #machinery: Machinery
  readonly #stack: Stack
  readonly #devices: Iterable<MappedDevice>
  readonly #watermarks: readonly number[]
  readonly #extension: AutoExtension | undefined
  readonly #listeners = new Set<(event: MapperEvent) => void>()
  readonly #reportedFailures = new WeakMap<SharedArrayBuffer, number>()

  constructor(
    machinery: Machinery,
    stack: Stack,
    devices: Iterable<MappedDevice>,
    { autoExtend, watermarks }: MapperOptions,
  ) {
    this.#machinery = machinery
    this.#stack = stack
    this.#devices = devices
    this.#watermarks = [...(watermarks ?? [])].sort((a, b) => a - b)
    this.#extension = autoExtend === undefined ? undefined : new AutoExtension(autoExtend)
    machinery.onStoreEvent(() => this.look())
  }

  listen(listener: (event: MapperEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Something that also raises the event number. */
  count(device: MappedDevice, happening: Happening): void {
    device.eventNumber++
    this.tell(device, happening)
  }

  tell(device: MappedDevice, happening: Happening): void {
    const event = { ...happening, device: device.name, eventNumber: device.eventNumber } as MapperEvent
    device.wake()
    for (const listener of [...this.#listeners]) {
      try {
        listener(event)
      } catch (error) {
        // Not in here: others would not be told, and an invalidation not be finished, that origin writes wait for.
        queueMicrotask(() => {
          throw error
        })
      }
    }
  }

  /** Finds out what has happened since the last look. */
  look(): void {
    for (const family of this.#stack.families) for (const instance of family.active) this.#lookAt(instance)
    for (const device of this.#devices) this.#lookAtStripes(device)
  }

  #lookAt(instance: StoreInstance): void {
    this.#finishInvalidation(instance)
    const device = instance.plan.owner
    const state = instance.state()
    if (state !== instance.reported) {
      instance.reported = state
      if (state === 'Invalid') this.count(device, { kind: 'invalid', reason: instance.whyInvalid() })
      if (state === 'Overflow') this.count(device, { kind: 'overflow' })
    }
    // A store that is being merged only gets emptier.
    if (state !== 'Valid' || instance.plan.merges) return
    this.#extend(instance)
    this.#lookAtUsage(instance)
  }

  #lookAtUsage(instance: StoreInstance): void {
    const percent = instance.percent()
    // A COW that was extended is less full: what it passes again is told again.
    if (percent < instance.watermarkPassed) {
      instance.watermarkPassed = Math.max(0, ...this.#watermarks.filter((mark) => mark <= percent))
    }
    for (const watermark of this.#watermarks) {
      if (watermark <= instance.watermarkPassed || percent < watermark) continue
      instance.watermarkPassed = watermark
      this.count(instance.plan.owner, { kind: 'watermark', watermark, percent })
    }
    const marks = [...this.#watermarks, ...(this.#extension?.marks(instance) ?? [])]
    instance.store?.cursor.setWatermark(nextWatermark(instance, marks))
  }

  #extend(instance: StoreInstance): void {
    const outcome = this.#extension?.extend(instance)
    if (outcome !== undefined) this.tell(instance.plan.owner, outcome)
  }

  #lookAtStripes(device: MappedDevice): void {
    for (const target of device.live?.targets ?? []) {
      if (target.type !== 'striped') continue
      const { failures } = target
      const events = target.devices.reduce(
        (sum, _, column) => sum + Math.min(stripeEventsMax, stripeFailures(failures, column)),
        0,
      )
      const reported = this.#reportedFailures.get(failures) ?? 0
      this.#reportedFailures.set(failures, events)
      for (let event = reported; event < events; event++) this.count(device, { kind: 'io-error', target: 'striped' })
    }
  }

  /**
   * W5, the second way: a store's header could not be marked invalid, so whoever can remembers that it is; only then may the
   * origin writes that skipped it go on. Where nobody can, the snapshot is invalid in memory only, as in the kernel.
   */
  #finishInvalidation(instance: StoreInstance): void {
    const cursor = instance.store?.cursor
    if (cursor === undefined || cursor.state() !== storeState.invalidating || !cursor.headerFailed()) return
    try {
      if (instance.plan.onHeaderFailed === undefined) throw new Error('its header could not be written')
      instance.plan.onHeaderFailed()
    } catch (error) {
      process.emitWarning(`the invalidation of ${instance.plan.owner.name} could not be recorded`, {
        type: 'CowringWarning',
        detail: String(error),
      })
    }
    cursor.finishInvalidation()
    this.#machinery.client.signals.ringParked()
  }
}
