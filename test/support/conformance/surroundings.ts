/** What every part of one replay works with. */
import type { DeviceStorage } from './device-storage.js'
import type { DeviceLayer } from './layer.js'
import type { Preparation } from './preparation.js'
import type { SnapshotWatch } from './snapshot-watch.js'

export interface Surroundings {
  readonly layer: DeviceLayer
  readonly storage: DeviceStorage
  readonly preparation: Preparation
  readonly watch: SnapshotWatch
  /** The folder of the recorded COW images. */
  readonly images: string
}
