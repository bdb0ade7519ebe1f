/**
 * Routes: where a request on a device goes, whatever the stack of tables above and below it. A stack resolves to one piece
 * for one worker, not to one hop for each layer.
 *
 * Guarantees: `locate` makes no object; a place never reaches over the end of the part it lies in.
 * Requires: an offset inside the device.
 */
import { discardBytesMax } from './operation.js'

/** The start of a request, found: so many bytes go on in this volume from there. Filled again and again. */
export interface Place {
  volume: number
  byteOffset: number
  byteLength: number
  /** Requests of one stretch of this length go to one worker, so that its turns find them together. */
  routeBytes: number
  /** The one worker that serves this volume, or -1 for any. */
  worker: number
  /** Discards are cut at multiples of this. */
  discardBytes: number
}

export interface Route {
  locate(byteOffset: number, place: Place): void
  /** The volumes that a flush goes to. */
  readonly flushed: readonly number[]
  /** As it goes to other threads, which find out by themselves how the volumes are served. */
  onWire(): RouteOnWire
}

export type RouteOnWire =
  | { readonly kind: 'volume'; readonly volume: number }
  | {
      readonly kind: 'map'
      readonly parts: readonly (PlacedOnWire & { readonly start: number; readonly byteLength: number })[]
    }
  | { readonly kind: 'stripes'; readonly chunkBytes: number; readonly columns: readonly PlacedOnWire[] }

interface PlacedOnWire {
  readonly route: RouteOnWire
  readonly offset: number
}

export function routeFromWire(wire: RouteOnWire): Route {
  const placed = <Placed extends PlacedOnWire>(part: Placed) => ({ ...part, route: routeFromWire(part.route) })
  if (wire.kind === 'volume') return new VolumeRoute(wire.volume)
  if (wire.kind === 'map') return new MapRoute(wire.parts.map(placed))
  return new StripeRoute(wire.columns.map(placed), wire.chunkBytes)
}

const placedOnWire = <Placed extends RouteColumn>(part: Placed) => ({ ...part, route: part.route.onWire() })

export const newPlace = (): Place => ({
  volume: 0,
  byteOffset: 0,
  byteLength: 0,
  routeBytes: 65536,
  worker: -1,
  discardBytes: discardBytesMax,
})

/** What is served by one volume of the workers. */
export class VolumeRoute implements Route {
  readonly volume: number
  readonly flushed: readonly number[]
  routeBytes = 65536
  worker = -1
  discardBytes: number = discardBytesMax

  constructor(volume: number) {
    this.volume = volume
    this.flushed = [volume]
  }

  locate(byteOffset: number, place: Place): void {
    place.volume = this.volume
    place.byteOffset = byteOffset
    place.byteLength = Number.MAX_SAFE_INTEGER
    place.routeBytes = this.routeBytes
    place.worker = this.worker
    place.discardBytes = this.discardBytes
  }

  onWire(): RouteOnWire {
    return { kind: 'volume', volume: this.volume }
  }
}

export interface RoutePart {
  readonly start: number
  readonly byteLength: number
  readonly route: Route
  readonly offset: number
}

/** Parts that adjoin, from 0 on. */
export class MapRoute implements Route {
  readonly flushed: readonly number[]
  readonly #parts: readonly RoutePart[]

  constructor(parts: readonly RoutePart[]) {
    this.#parts = parts
    this.flushed = [...new Set(parts.flatMap(({ route }) => route.flushed))]
  }

  locate(byteOffset: number, place: Place): void {
    let low = 0
    let high = this.#parts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if ((this.#parts[middle] as RoutePart).start <= byteOffset) low = middle
      else high = middle - 1
    }
    const part = this.#parts[low] as RoutePart
    const at = byteOffset - part.start
    part.route.locate(part.offset + at, place)
    place.byteLength = Math.min(place.byteLength, part.byteLength - at)
  }

  onWire(): RouteOnWire {
    return { kind: 'map', parts: this.#parts.map(placedOnWire) }
  }
}

export interface RouteColumn {
  readonly route: Route
  readonly offset: number
}

/** Chunks that go round columns. */
export class StripeRoute implements Route {
  readonly flushed: readonly number[]
  readonly #columns: readonly RouteColumn[]
  readonly #chunkBytes: number

  constructor(columns: readonly RouteColumn[], chunkBytes: number) {
    this.#columns = columns
    this.#chunkBytes = chunkBytes
    this.flushed = [...new Set(columns.flatMap(({ route }) => route.flushed))]
  }

  locate(byteOffset: number, place: Place): void {
    const chunk = Math.floor(byteOffset / this.#chunkBytes)
    const inChunk = byteOffset - chunk * this.#chunkBytes
    const column = this.#columns[chunk % this.#columns.length] as RouteColumn
    const at = Math.floor(chunk / this.#columns.length) * this.#chunkBytes + inChunk
    column.route.locate(column.offset + at, place)
    place.byteLength = Math.min(place.byteLength, this.#chunkBytes - inChunk)
  }
  onWire(): RouteOnWire {
    return { kind: 'stripes', chunkBytes: this.#chunkBytes, columns: this.#columns.map(placedOnWire) }
  }
}
