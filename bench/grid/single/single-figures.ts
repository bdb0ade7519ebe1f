/** Figures with no floor: times and sizes that have a target of their own. */
import type { SingleFigure } from '../outcome.js'
import type { Workplace } from '../workplace.js'
import { makeManyDevices } from './many-devices.js'
import { denseMap, scatteredMap, untouchedMap } from './map-memory.js'

export interface FigureSource {
  readonly name: string
  measure(name: string, place: Workplace): Promise<SingleFigure>
}

export const singleFigures: readonly FigureSource[] = [
  { name: 'map-memory/dense', measure: denseMap },
  { name: 'map-memory/one-chunk-per-page', measure: scatteredMap },
  { name: 'map-memory/untouched-tebibyte', measure: untouchedMap },
  { name: 'make-and-list/10000-devices', measure: makeManyDevices },
]
