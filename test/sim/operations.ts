/**
 * What a run does, as a list of plain records drawn from the seed: the same list does the same again, and a shorter one can be
 * tried.
 *
 * Numbers from 0 up to 1 choose among what is there when the operation's turn comes, so that a list stays meaningful when
 * some of it is left out.
 */
import { Random } from '../support/model-random.js'
import type { DiskCall, Misdeed } from './system/faults.js'

export type Choice = number

/** After so many steps, right before a call, or right after an exception was published. */
export type Moment = 'step' | 'write' | 'barrier' | 'publish'

export type Operation = { readonly id: number; readonly pause: number } & (
  | {
      readonly kind: 'write' | 'zero' | 'discard' | 'read'
      readonly volume: Choice
      readonly at: Choice
      readonly sectors: number
      readonly isAligned: boolean
    }
  | { readonly kind: 'flush'; readonly volume: Choice }
  | {
      readonly kind: 'take'
      readonly store: 'P' | 'PO' | 'N'
      readonly chunkSectors: number
      readonly room: Choice
      readonly durability: Choice
      readonly reuse: boolean
    }
  | { readonly kind: 'remove'; readonly snapshot: Choice }
  | { readonly kind: 'suspend'; readonly volume: Choice; readonly resumeAfter: number }
  | { readonly kind: 'reload'; readonly snapshot: Choice; readonly discards: boolean }
  | { readonly kind: 'extend'; readonly snapshot: Choice; readonly chunks: number }
  | { readonly kind: 'merge'; readonly snapshot: Choice; readonly rate: number | undefined }
  | { readonly kind: 'merge-pause' | 'merge-resume' | 'merge-cancel' | 'merge-end' }
  | { readonly kind: 'kill-worker'; readonly worker: Choice; readonly at: Moment; readonly after: number }
  | { readonly kind: 'crash'; readonly at: Moment; readonly after: number; readonly cutsPower: boolean }
  | { readonly kind: 'reopen' }
  | {
      readonly kind: 'fault'
      readonly file: Choice
      readonly call: DiskCall
      readonly misdeed: Misdeed
      readonly after: number
      readonly times: number
    }
  | { readonly kind: 'heal' }
  | { readonly kind: 'compare' }
)

export type OperationOf<Kind extends Operation['kind']> = Extract<Operation, { kind: Kind }>

/** What may happen in a run; drawn once for each. */
export interface RunPlan {
  readonly seed: number
  readonly workers: number
  readonly sectors: number
  readonly operations: number
  readonly inFlightMax: number
  /** Whether power fails as well, or processes are killed only: stores that promise nothing at a power cut are used in the latter. */
  readonly crashes: 'none' | 'power' | 'kill'
  /** Errors answer truly that something failed; liars say that all is well. */
  readonly faults: 'none' | 'errors' | 'lies'
  readonly kills: boolean
  readonly autoExtend: boolean
  readonly chunkSectorsMax: number
  /** Requests mostly go to a few places, where two workers meet; how many of ten do. */
  readonly places: readonly Choice[]
  readonly placedOfTen: number
  /** How many operations of ten the next one follows at once. */
  readonly hastyOfTen: number
}

/** Requests of one stretch of this length go to one worker: an origin that is no longer keeps one busy and no more. */
const sectorsPerWorker = 128

export function planOf(seed: number): RunPlan {
  const random = new Random(seed)
  const workers = random.pick([1, 2, 2, 2, 3, 3])
  const isSmall = workers === 1 || random.chance(0.1)
  const sectors = isSmall
    ? random.int(16, sectorsPerWorker)
    : random.int(sectorsPerWorker + 8, random.pick([2, 2, 4]) * sectorsPerWorker)
  const borders = Array.from({ length: random.int(1, 3) }, () => (random.int(1, 3) * sectorsPerWorker) / sectors)
  return {
    seed,
    workers,
    sectors,
    operations: random.int(200, 260),
    inFlightMax: random.pick([1, 8, 16, 48]),
    crashes: random.pick(['none', 'power', 'power', 'power', 'kill']),
    faults: random.pick(['none', 'none', 'errors', 'errors', 'lies']),
    kills: random.chance(0.4),
    autoExtend: random.chance(0.15),
    chunkSectorsMax: random.pick([1, 4, 16, 64]),
    places: borders.map((border) => Math.max(0, (border < 1 ? border : random.next()) - random.int(1, 16) / sectors)),
    placedOfTen: random.pick([0, 5, 9]),
    hastyOfTen: random.pick([2, 6, 9]),
  }
}

const requests = { write: 42, read: 22, flush: 7, zero: 4, discard: 4 } as const
const changes = {
  // Only the first write to a chunk after a take copies it.
  take: 9,
  remove: 5,
  suspend: 1,
  reload: 0.7,
  extend: 1,
  merge: 2,
  'merge-pause': 0.6,
  'merge-resume': 1,
  'merge-cancel': 0.5,
  'merge-end': 0.8,
  reopen: 0.7,
  compare: 0.8,
} as const

export function operationsOf(plan: RunPlan): Operation[] {
  const random = new Random(plan.seed ^ 0x5bd1e995)
  const weights = {
    ...requests,
    ...changes,
    'kill-worker': plan.kills ? 1.5 : 0,
    crash: plan.crashes === 'none' ? 0 : 1.5,
    fault: plan.faults === 'none' ? 0 : 4,
    heal: plan.faults === 'none' ? 0 : 2,
  }
  return Array.from({ length: plan.operations }, (_, id) => {
    const kind = id < 3 && random.chance(0.7) ? 'take' : random.weighted(weights)
    // Mostly a few steps, so that much is in flight; sometimes as many as anything takes.
    const pause = random.chance(plan.hastyOfTen / 10) ? 0 : random.int(0, random.pick([2, 8, 40, 200]))
    return { id, pause, ...detailsOf(kind, plan, random) } as Operation
  })
}

function detailsOf(kind: Operation['kind'], plan: RunPlan, random: Random): object {
  const choice = (): Choice => random.next()
  switch (kind) {
    case 'write':
    case 'read':
    case 'zero':
    case 'discard': {
      const sectors = random.int(1, random.pick([1, 2, 8, 8, 32, plan.sectors]))
      return { kind, volume: choice(), at: placeOf(plan, random), sectors, isAligned: random.chance(0.3) }
    }
    case 'flush':
      return { kind, volume: choice() }
    case 'take':
      return {
        kind,
        store: random.pick(['P', 'P', 'PO', 'N']),
        chunkSectors: 2 ** random.int(0, Math.log2(plan.chunkSectorsMax)),
        room: random.chance(0.6) ? 1 : choice(),
        durability: choice(),
        reuse: random.chance(0.5),
      }
    case 'remove':
      return { kind, snapshot: choice() }
    case 'reload':
      return { kind, snapshot: choice(), discards: random.chance(0.5) }
    case 'suspend':
      return { kind, volume: choice(), resumeAfter: random.int(1, 60) }
    case 'extend':
      return { kind, snapshot: choice(), chunks: random.int(1, 40) }
    case 'merge':
      return { kind, snapshot: choice(), rate: random.chance(0.4) ? 2 ** random.int(10, 24) : undefined }
    case 'kill-worker':
      return { kind, worker: choice(), ...momentOf(random) }
    case 'crash':
      // Where power may fail, a process may as well be killed: what it leaves in memory is not durable.
      return { kind, ...momentOf(random), cutsPower: plan.crashes === 'power' && random.chance(0.7) }
    case 'fault':
      return { kind, file: choice(), ...faultOf(plan, random) }
    default:
      return { kind }
  }
}

function placeOf({ placedOfTen, places, sectors }: RunPlan, random: Random): Choice {
  if (!random.chance(placedOfTen / 10)) return random.next()
  return Math.min(random.pick(places) + random.int(0, random.pick([4, 20, 40])) / sectors, 1 - 1 / sectors)
}

/** Mostly where most is at stake: right before a call that would make something durable, or change it. */
function momentOf(random: Random): object {
  const at: Moment = random.pick(['step', 'write', 'barrier', 'barrier', 'publish'])
  return { at, after: random.int(0, random.pick(at === 'step' ? [0, 20, 200, 2000] : [0, 2, 8, 30])) }
}

const EIO = 5
const ENOSPC = 28

function faultOf(plan: RunPlan, random: Random): object {
  const after = random.int(0, random.pick([0, 3, 30]))
  if (plan.faults === 'lies' && random.chance(0.7)) {
    const misdeed = random.pick(['flip', 'lost', 'misdirected'] as const)
    return { call: misdeed === 'flip' ? 'read' : 'write', misdeed: { kind: misdeed }, after, times: 1 }
  }
  const kind = random.pick(['error', 'error', 'error', 'short', 'interrupted', 'slow'] as const)
  const call = random.pick(['read', 'read', 'write', 'write', 'barrier', 'barrier', 'allocate', 'resize'] as const)
  const misdeed =
    kind === 'error'
      ? { kind, errno: call === 'write' || call === 'resize' ? random.pick([EIO, EIO, ENOSPC]) : EIO }
      : kind === 'slow'
        ? { kind, ms: random.int(1, 300) }
        : { kind }
  const isForEver = kind === 'error' && random.chance(0.25)
  return { call, misdeed, after, times: isForEver ? Number.MAX_SAFE_INTEGER : random.int(1, 3) }
}
