/** How long it takes to make and list ten thousand devices. */
import { Engine } from '../../../src/index.js'
import type { SingleFigure } from '../outcome.js'
import type { Workplace } from '../workplace.js'
import { figureOf } from './figure-of.js'
import { makeSparse, tebibyte } from './sparse-store.js'

const repetitions = 3
const count = 10_000
const sectors = 2048

export async function makeManyDevices(name: string, place: Workplace): Promise<SingleFigure> {
  const path = makeSparse(place.path('many.img'), tebibyte)
  const seconds: number[] = []
  for (let repetition = 0; repetition < repetitions; repetition++) {
    await using engine = await Engine.start({ workers: 2 })
    const startedMs = performance.now()
    for (let device = 0; device < count; device++) {
      await engine.mapper.create(`device-${device}`, `0 ${sectors} linear ${path} ${device * sectors}`)
    }
    if (engine.mapper.list().length !== count) throw new Error('not every device is listed')
    seconds.push((performance.now() - startedMs) / 1000)
  }
  place.remove('many.img')
  return figureOf(name, { count }, 's', seconds, { kind: 'below', value: 5, unit: 's' })
}
