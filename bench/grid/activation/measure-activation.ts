/**
 * How long `engine.open` takes on an origin whose snapshot has so many exceptions, scattered over it, beside plain reads of the same
 * lists; and by how much a process of its own grows by them.
 */
import { assert, present } from '../../../src/base/assert.js'
import { geometryOf } from '../../../src/format/geometry.js'
import { Engine } from '../../../src/index.js'
import { CpuGauge } from '../cpu-gauge.js'
import { type Outcome, outcomeOfFigure } from '../outcome.js'
import { figureBeside, figureOf } from '../single/figure-of.js'
import { addedMemoryOf } from '../single/map-memory.js'
import { chunkBytes, chunkSectors, makeSparse, makeStore } from '../single/sparse-store.js'
import type { Workplace } from '../workplace.js'
import { type ActivationCase, activationCaseName } from './activation-case.js'
import { readAreas } from './area-floor.js'

/** Of the origin's chunks at least this many have no exception for each that has one. */
const untouchedShare = 0.5
/** An odd number: its products, modulo a power of two, are all different, and lie all over. */
const scatter = 0x9e3779b1

export async function measureActivation(
  activation: ActivationCase,
  place: Workplace,
  repetitions: number,
): Promise<Outcome[]> {
  const { exceptions, memoryTarget, target } = activation
  const chunkCount = 2 ** Math.ceil(Math.log2(exceptions * (1 + untouchedShare)))
  const originBytes = chunkCount * chunkBytes
  const origin = makeSparse(place.path('activation.img'), originBytes)
  const chunkOf = (position: number) => (Math.imul(position, scatter) >>> 0) % chunkCount
  const cow = makeStore(place, 'activation.cow', exceptions, chunkOf)
  const name = activationCaseName(activation)
  const parameters = { exceptions, originBytes, chunkBytes, workers: 2 }
  try {
    // First: afterwards the origin remembers the snapshot, and the other process could not take it.
    const [grown = Number.NaN] = await addedMemoryOf(origin, cow, 1)
    const { floors, othersShare, values } = await timeOpens(origin, cow, exceptions, repetitions)
    const time = figureOf(name, parameters, 'ms', values, target)
    const memory = figureOf(`${name}/memory`, parameters, 'B', [grown / exceptions], memoryTarget)
    return [
      outcomeOfFigure({ ...figureBeside(time, values, floors), othersShare }, 'activation'),
      outcomeOfFigure(memory, 'activation'),
    ]
  } finally {
    for (const file of ['activation.img', 'activation.img.cowring', 'activation.cow']) place.remove(file)
  }
}

/** Milliseconds. The first of each is not counted: it compiles the code. */
async function timeOpens(originPath: string, cow: string, exceptions: number, repetitions: number) {
  const values: number[] = []
  const floors: number[] = []
  await using engine = await Engine.start({ workers: 2 })
  const first = await engine.open(originPath)
  await first.snapshot({ cow })
  await first.close()
  const geometry = geometryOf(chunkSectors)
  const gauge = new CpuGauge()
  for (let round = -1; round < repetitions; round++) {
    if (round === 0) gauge.restart()
    const floorMs = readAreas(cow, geometry, exceptions).seconds * 1000
    const startedMs = performance.now()
    const origin = await engine.open(originPath)
    const tookMs = performance.now() - startedMs
    const snapshot = present(origin.snapshots[0], 'the snapshot is remembered')
    assert(snapshot.usage().exceptions === exceptions, 'every exception was loaded')
    await origin.close()
    if (round < 0) continue
    values.push(tookMs)
    floors.push(floorMs)
  }
  return { values, floors, othersShare: gauge.othersShare() }
}
