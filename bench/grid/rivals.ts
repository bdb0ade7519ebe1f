/** Other programs that do the work of a case of the grid, where they are installed. */
import { isInstalled } from '../peers/programs.js'
import { FioOnFile } from './fio-on-file.js'
import { type GridCase, isRaw } from './grid-case.js'
import type { Side } from './pass.js'
import type { Workplace } from './workplace.js'

export type { RivalFigure } from './round-figures.js'

export interface Rival {
  /** Stable: what a record in a file is found by. */
  readonly name: string
  /** Why it cannot be measured here; `undefined` if it can. */
  missing(): string | undefined
  start(grid: GridCase, place: Workplace): Side
}

const fio: Rival = {
  name: 'fio psync',
  missing: () => missingProgram('fio'),
  start: (grid, place) => new FioOnFile(grid, place),
}

/** Who keeps snapshots does so behind a socket: those are beside the served curve, and in `npm run bench:peers`. */
export const rivalsOf = ({ work }: GridCase): readonly Rival[] => (isRaw(work) ? [fio] : [])

export const missingProgram = (program: string): string | undefined =>
  isInstalled(program) ? undefined : `${program} is not installed`
