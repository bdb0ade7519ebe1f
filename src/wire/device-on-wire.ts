/** A device as threads that do requests in place know it. */
import type { RouteOnWire } from './route.js'

export interface DeviceOnWire {
  readonly number: number
  readonly route: RouteOnWire
  readonly sizeBytes: number
  readonly readOnly: boolean
}
