import { Engine } from 'cowring'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { patternBytes } from '../support/pattern.js'
import { initialCow, PreparedDevices } from '../support/prepared-devices.js'
import { decodeStore } from '../support/store-image.js'

/**
 * The kernel gives the chunks of one request their places in ascending order. The recordings see that only for the few
 * origins they open; what the order must not depend on is which origin of an engine it is, the first or the fiftieth.
 */
describe('one request over many chunks, alone on the engine', () => {
  const origins = 50
  const chunkSectors = 8
  const chunks = 300
  const firstChunk = 1000
  let engine: Engine
  let devices: PreparedDevices
  beforeAll(async () => {
    engine = await Engine.start({ workers: 1 })
  })
  afterAll(() => engine.close())
  beforeEach(() => {
    devices = new PreparedDevices()
  })
  afterEach(() => devices.remove())

  test.each(['origin', 'snapshot'] as const)('a write to the %s takes chunks in ascending order', async (written) => {
    const ascending = Array.from({ length: chunks }, (_, index) => firstChunk + index)
    const firstOutOfOrder: string[] = []
    for (let number = 1; number <= origins; number += 1) {
      devices.fill('origin', patternBytes(0, 16384, 0))
      devices.fill('cow', initialCow(8192))
      const origin = await engine.open(devices.path('origin'))
      const snapshot = await origin.snapshot({ cow: devices.path('cow'), chunkSectors })
      const sector = firstChunk * chunkSectors
      const bytes = patternBytes(sector, chunks * chunkSectors, 1)
      await (written === 'origin' ? origin : snapshot).write(sector * 512, bytes)
      await snapshot.remove({ keepStore: true })
      await origin.close()
      const saved = decodeStore(devices.content('cow'))?.exceptions.map(({ oldChunk }) => oldChunk) ?? []
      const at = ascending.findIndex((chunk, index) => chunk !== saved[index])
      if (at >= 0) firstOutOfOrder.push(`origin ${number}: chunk ${saved[at]} in the place of ${ascending[at]}`)
    }
    expect(firstOutOfOrder).toEqual([])
  })
})
