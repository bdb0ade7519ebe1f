/**
 * Lists of operations that once failed, or that no random list comes to often: each a run of its own, with the same oracle and the
 * same rules. Written out, so that they stay what they are when the generator changes.
 */
import type { Operation, RunPlan } from '../operations.js'

export interface Scenario {
  readonly name: string
  readonly plan: Omit<RunPlan, 'seed' | 'operations'>
  readonly operations: readonly Operation[]
}

/** What an operation of a kind says beside its kind. */
type DetailsOf<Kind extends Operation['kind'], Each = Operation> = Each extends { readonly kind: infer Kinds }
  ? Kind extends Kinds
    ? Omit<Each, 'id' | 'kind' | 'pause'>
    : never
  : never

/** Writes operations down without their numbers. */
class Script {
  readonly operations: Operation[] = []

  and<Kind extends Operation['kind']>(kind: Kind, details: DetailsOf<Kind>, pause = 500): this {
    this.operations.push({ id: this.operations.length, pause, kind, ...details } as unknown as Operation)
    return this
  }
}

const onOrigin = 0
const onFirstSnapshot = 0.99

const powerCuts = {
  workers: 1,
  sectors: 64,
  inFlightMax: 4,
  crashes: 'power',
  faults: 'errors',
  kills: false,
  autoExtend: false,
  chunkSectorsMax: 8,
  places: [],
  placedOfTen: 0,
  hastyOfTen: 0,
} as const

const take = { store: 'P', chunkSectors: 8, room: 1, durability: 0, reuse: false } as const
const write = (volume: number, at: number) => ({ volume, at, sectors: 8, isAligned: true })
const barrierFails = { file: 0, call: 'barrier', misdeed: { kind: 'error', errno: 5 }, after: 0, times: 1 } as const

export const scenarios: readonly Scenario[] = [
  {
    name: 'a flush is not answered well after a barrier of a merge has failed and lost what was written before',
    plan: powerCuts,
    operations: new Script()
      .and('take', take)
      .and('write', write(onFirstSnapshot, 0))
      .and('write', write(onFirstSnapshot, 0.25))
      .and('write', write(onFirstSnapshot, 0.5))
      .and('flush', { volume: onOrigin })
      .and('merge', { snapshot: 0, rate: 64 }, 30)
      .and('write', write(onOrigin, 0.75), 30)
      .and('fault', barrierFails, 0)
      .and('merge-resume', {}, 60)
      .and('flush', { volume: onOrigin })
      .and('crash', { at: 'step', after: 0, cutsPower: true })
      .and('compare', {}).operations,
  },
  {
    name: 'a flush that failed fails again, though its disk is well',
    plan: powerCuts,
    operations: new Script()
      .and('write', write(onOrigin, 0))
      .and('flush', { volume: onOrigin })
      .and('write', write(onOrigin, 0.25))
      .and('fault', barrierFails, 0)
      .and('flush', { volume: onOrigin })
      .and('write', write(onOrigin, 0.5))
      .and('flush', { volume: onOrigin })
      .and('crash', { at: 'step', after: 0, cutsPower: true })
      .and('compare', {}).operations,
  },
  {
    name: 'a snapshot that became invalid while its merge was asked for shows its own store while another is merged',
    plan: { ...powerCuts, faults: 'none', crashes: 'none', inFlightMax: 48 },
    operations: new Script()
      .and('take', { ...take, room: 0.3 })
      .and('take', take)
      .and('write', { volume: onOrigin, at: 0, sectors: 64, isAligned: true }, 0)
      .and('merge', { snapshot: 0, rate: undefined })
      .and('write', write(onFirstSnapshot, 0.5))
      .and('merge', { snapshot: 0.99, rate: undefined }, 3)
      .and('compare', {}).operations,
  },
  {
    name: 'a snapshot on its way out is not remembered again when the header of its store cannot be written',
    plan: { ...powerCuts, crashes: 'none', workers: 3 },
    operations: new Script()
      .and('take', { ...take, chunkSectors: 1 })
      .and('write', { volume: onFirstSnapshot, at: 0.5, sectors: 4, isAligned: true })
      .and('fault', { file: 0.99, call: 'write', misdeed: { kind: 'error', errno: 5 }, after: 1, times: 1e9 }, 0)
      .and('write', { volume: onFirstSnapshot, at: 0.25, sectors: 2, isAligned: true }, 0)
      .and('remove', { snapshot: 0 })
      .and('reopen', {}).operations,
  },
]
