import { describe, expect, test } from 'vitest'
import { engineAndDevices } from '../support/engine-and-devices.js'
import { patternBytes } from '../support/pattern.js'
import { initialCow } from '../support/prepared-devices.js'
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
  const given = engineAndDevices()

  test.each(['origin', 'snapshot'] as const)('a write to the %s takes chunks in ascending order', async (written) => {
    const ascending = Array.from({ length: chunks }, (_, index) => firstChunk + index)
    const firstOutOfOrder: string[] = []
    for (let number = 1; number <= origins; number += 1) {
      given.devices.fill('origin', patternBytes(0, 16384, 0))
      given.devices.fill('cow', initialCow(8192))
      const origin = await given.engine.open(given.devices.path('origin'))
      const snapshot = await origin.snapshot({ cow: given.devices.path('cow'), chunkSectors })
      const sector = firstChunk * chunkSectors
      const bytes = patternBytes(sector, chunks * chunkSectors, 1)
      await (written === 'origin' ? origin : snapshot).write(sector * 512, bytes)
      await snapshot.remove({ keepStore: true })
      await origin.close()
      const saved = decodeStore(given.devices.content('cow'))?.exceptions.map(({ oldChunk }) => oldChunk) ?? []
      const at = ascending.findIndex((chunk, index) => chunk !== saved[index])
      if (at >= 0) firstOutOfOrder.push(`origin ${number}: chunk ${saved[at]} in the place of ${ascending[at]}`)
    }
    expect(firstOutOfOrder).toEqual([])
  })
})
