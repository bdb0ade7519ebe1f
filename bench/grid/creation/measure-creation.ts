/** How long `origin.snapshot()` holds up its caller, with the default durability, beside the same calls without an engine. */
import { readFileSync, statSync } from 'node:fs'
import { Engine, type Origin } from '../../../src/index.js'
import { CpuGauge } from '../cpu-gauge.js'
import { type Outcome, outcomeOfFigure } from '../outcome.js'
import { figureBeside, figureOf } from '../single/figure-of.js'
import { chunkSectors, makeSparse } from '../single/sparse-store.js'
import type { Workplace } from '../workplace.js'
import { type CreationCase, creationCaseName } from './creation-case.js'
import { makeStoreAlone } from './creation-floor.js'

const originName = 'creation.img'
const cowName = 'creation.cow'
const floorNames = { cow: 'creation-floor.cow', list: 'creation-floor.list' }
const presentName = (index: number) => `creation-${index}.cow`

export async function measureCreation(creation: CreationCase, place: Workplace, repetitions: number): Promise<Outcome> {
  const path = makeSparse(place.path(originName), creation.originBytes)
  const values: number[] = []
  const floors: number[] = []
  const gauge = new CpuGauge()
  const engine = await Engine.start({ workers: 2 })
  try {
    const origin = await engine.open(path)
    for (let index = 0; index < creation.present; index++) {
      await origin.snapshot({ cow: place.path(presentName(index)), chunkSectors })
    }
    // The first one compiles the code and is not counted.
    for (let round = -1; round < repetitions; round++) {
      if (round === 0) gauge.restart()
      const { floorMs, tookMs } = await takeOnce(origin, place)
      if (round < 0) continue
      values.push(tookMs)
      floors.push(floorMs)
    }
  } finally {
    await engine.close()
    for (const name of [originName, `${originName}.cowring`, cowName]) place.remove(name)
    for (let index = 0; index < creation.present; index++) place.remove(presentName(index))
  }
  const { originBytes, place: where, present, target } = creation
  const parameters = { originBytes, present, place: where, chunkSectors, durability: 'power-loss', workers: 2 }
  const figure = figureOf(creationCaseName(creation), parameters, 'ms', values, target)
  return outcomeOfFigure({ ...figureBeside(figure, values, floors), othersShare: gauge.othersShare() }, 'creation')
}

/** The engine, and then the floor with a store as large and a list as long. */
async function takeOnce(origin: Origin, place: Workplace): Promise<{ tookMs: number; floorMs: number }> {
  const cow = place.path(cowName)
  const startedMs = performance.now()
  const snapshot = await origin.snapshot({ cow, chunkSectors })
  const tookMs = performance.now() - startedMs
  const list = readFileSync(place.path(`${originName}.cowring`), 'utf8')
  const cowBytes = statSync(cow).size
  await snapshot.remove()
  place.remove(cowName)
  const floorStartedMs = performance.now()
  makeStoreAlone(place.path(floorNames.cow), cowBytes, chunkSectors, place.path(floorNames.list), list)
  const floorMs = performance.now() - floorStartedMs
  for (const name of Object.values(floorNames)) place.remove(name)
  return { tookMs, floorMs }
}
