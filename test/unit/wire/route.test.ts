import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MapRoute, newPlace, type Route, StripeRoute, VolumeRoute } from '../../../src/wire/route.js'
import { holds } from '../../support/seeded.js'

const file = 'test/unit/wire/route.test.ts'

function placeAt(route: Route, byteOffset: number) {
  const place = newPlace()
  route.locate(byteOffset, place)
  return { volume: place.volume, byteOffset: place.byteOffset, byteLength: place.byteLength }
}

test('a volume serves all of itself, and says how its requests are cut and by whom they are served', () => {
  const route = new VolumeRoute(7)
  expect(placeAt(route, 12345)).toEqual({ volume: 7, byteOffset: 12345, byteLength: Number.MAX_SAFE_INTEGER })
  expect(route.flushed).toEqual([7])
  Object.assign(route, { routeBytes: 1024, worker: 3, discardBytes: 4096 })
  const place = newPlace()
  new MapRoute([{ start: 0, byteLength: 512, route, offset: 0 }]).locate(0, place)
  expect(place).toMatchObject({ routeBytes: 1024, worker: 3, discardBytes: 4096 })
})

const one = new VolumeRoute(1)
const two = new VolumeRoute(2)
const map = new MapRoute([
  { start: 0, byteLength: 1000, route: one, offset: 50 },
  { start: 1000, byteLength: 1, route: two, offset: 0 },
  { start: 1001, byteLength: 99, route: one, offset: 0 },
])

test.each([
  [0, { volume: 1, byteOffset: 50, byteLength: 1000 }],
  [999, { volume: 1, byteOffset: 1049, byteLength: 1 }],
  [1000, { volume: 2, byteOffset: 0, byteLength: 1 }],
  [1001, { volume: 1, byteOffset: 0, byteLength: 99 }],
  [1099, { volume: 1, byteOffset: 98, byteLength: 1 }],
])('in a map, %i lies in its part and reaches to the end of that: %j', (offset, place) => {
  expect(placeAt(map, offset)).toEqual(place)
})

test('a flush goes to each volume once', () => {
  expect(map.flushed).toEqual([1, 2])
  const stripes = new StripeRoute(
    [two, map, two].map((route) => ({ route, offset: 0 })),
    512,
  )
  expect(stripes.flushed).toEqual([2, 1])
})

const stripes = new StripeRoute(
  [
    { route: one, offset: 10 },
    { route: two, offset: 20 },
    { route: new VolumeRoute(3), offset: 30 },
  ],
  100,
)

test.each([
  [0, { volume: 1, byteOffset: 10, byteLength: 100 }],
  [99, { volume: 1, byteOffset: 109, byteLength: 1 }],
  [100, { volume: 2, byteOffset: 20, byteLength: 100 }],
  [250, { volume: 3, byteOffset: 80, byteLength: 50 }],
  [300, { volume: 1, byteOffset: 110, byteLength: 100 }],
  [799, { volume: 2, byteOffset: 319, byteLength: 1 }],
])('in three columns of chunks of 100, %i lies at %j', (offset, place) => {
  expect(placeAt(stripes, offset)).toEqual(place)
})

test('the end of a part counts however deep: what is above or below only shortens a place', () => {
  const columns = [
    { route: new MapRoute([{ start: 0, byteLength: 1000, route: stripes, offset: 30 }]), offset: 0 },
    { route: map, offset: 990 },
  ]
  const deep = new MapRoute([{ start: 0, byteLength: 500, route: new StripeRoute(columns, 80), offset: 5 }])
  expect(placeAt(deep, 0)).toEqual({ volume: 1, byteOffset: 45, byteLength: 65 })
  expect(placeAt(deep, 75)).toEqual({ volume: 1, byteOffset: 1040, byteLength: 10 })
  expect(placeAt(deep, 85)).toEqual({ volume: 2, byteOffset: 0, byteLength: 1 })
})

test('walking a stack place by place finds what a byte-by-byte model finds', () => {
  const partBytes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 6 })
  const property = fc.property(
    partBytes,
    fc.integer({ min: 1, max: 4 }),
    fc.integer({ min: 1, max: 17 }),
    (l, n, c) => {
      const columns = Array.from({ length: n }, (_, index) => ({
        route: new VolumeRoute(10 + index),
        offset: index * 1000,
      }))
      const below = new StripeRoute(columns, c)
      const starts = l.map((_, index) => l.slice(0, index).reduce((sum, each) => sum + each, 0))
      const route = new MapRoute(
        l.map((byteLength, index) => ({ start: starts[index] ?? 0, byteLength, route: below, offset: 7 * index })),
      )
      const total = l.reduce((sum, each) => sum + each, 0)
      const found: string[] = []
      for (let at = 0; at < total; ) {
        const { byteLength, byteOffset, volume } = placeAt(route, at)
        const end = Math.min(total, at + byteLength)
        for (let step = 0; at < end; at++, step++) found.push(`${volume} ${byteOffset + step}`)
      }
      const model = l.flatMap((byteLength, index) =>
        Array.from({ length: byteLength }, (_, inPart) => {
          const offset = 7 * index + inPart
          const chunk = Math.floor(offset / c)
          const column = chunk % n
          return `${10 + column} ${column * 1000 + Math.floor(chunk / n) * c + (offset % c)}`
        }),
      )
      expect(found).toEqual(model)
    },
  )
  holds(file, property)
})
