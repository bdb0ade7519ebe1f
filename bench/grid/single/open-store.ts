/** How long `engine.open` takes on an origin whose snapshot has a million exceptions. */
import { assert, present } from '../../../src/base/assert.js'
import { Engine } from '../../../src/index.js'
import type { SingleFigure } from '../outcome.js'
import type { Workplace } from '../workplace.js'
import { figureOf } from './figure-of.js'
import { makeSparse, makeStore } from './sparse-store.js'

const exceptions = 1_000_000
const repetitions = 5
const originBytes = 2 ** 34

export async function openLargeStore(name: string, place: Workplace): Promise<SingleFigure> {
  const originPath = makeSparse(place.path('large.img'), originBytes)
  // An odd multiplier scatters the chunks over the origin and never repeats one.
  const chunkCount = originBytes / 4096
  const cow = makeStore(place, 'large.cow', exceptions, (position) => (position * 0x9e3779b1) % chunkCount)
  await using engine = await Engine.start({ workers: 2 })
  const first = await engine.open(originPath)
  await first.snapshot({ cow })
  await first.close()
  const seconds: number[] = []
  for (let repetition = 0; repetition < repetitions; repetition++) {
    const startedMs = performance.now()
    const origin = await engine.open(originPath)
    seconds.push((performance.now() - startedMs) / 1000)
    const snapshot = present(origin.snapshots[0], 'the snapshot is remembered')
    assert(snapshot.usage().exceptions === exceptions, 'every exception was loaded')
    await origin.close()
  }
  for (const file of ['large.img', 'large.cow']) place.remove(file)
  const parameters = { exceptions, originBytes, repetitions }
  return figureOf(name, parameters, 's', seconds, { kind: 'below', value: 0.5, unit: 's' })
}
