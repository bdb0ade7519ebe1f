/** A device as threads that do requests in place know it. */
import type { RouteOnWire } from './route.js'

export interface DeviceOnWire {
  readonly number: number
  readonly name: string
  readonly route: RouteOnWire
  readonly sizeBytes: number
  readonly readOnly: boolean
  /** What a place in the arena must be aligned to so that it can be read and written without a copy. */
  readonly bufferAlignment: number
}
