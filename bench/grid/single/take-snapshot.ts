/** How long taking a snapshot holds up its caller: of a sparse file of 1 TiB, with the default durability. */
import { Engine } from '../../../src/index.js'
import type { SingleFigure } from '../outcome.js'
import type { Workplace } from '../workplace.js'
import { figureOf } from './figure-of.js'
import { chunkSectors, makeSparse, tebibyte } from './sparse-store.js'

const repetitions = 9

export async function takeSnapshotOfTebibyte(name: string, place: Workplace): Promise<SingleFigure> {
  const path = makeSparse(place.path('tebibyte.img'), tebibyte)
  const milliseconds: number[] = []
  await using engine = await Engine.start({ workers: 2 })
  const origin = await engine.open(path)
  for (let repetition = 0; repetition < repetitions; repetition++) {
    const cow = place.path('tebibyte.cow')
    const startedMs = performance.now()
    const snapshot = await origin.snapshot({ cow, chunkSectors })
    milliseconds.push(performance.now() - startedMs)
    await snapshot.remove()
    place.remove('tebibyte.cow')
  }
  await origin.close()
  place.remove('tebibyte.img')
  return figureOf(name, { chunkSectors, repetitions, originBytes: tebibyte }, 'ms', milliseconds, {
    kind: 'below',
    value: 50,
    unit: 'ms',
  })
}
