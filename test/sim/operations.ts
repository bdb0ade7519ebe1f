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
  | { readonly kind: 'reload'; readonly snapshot: Choice }
  | { readonly kind: 'extend'; readonly snapshot: Choice; readonly chunks: number }
  | { readonly kind: 'merge'; readonly snapshot: Choice; readonly rate: number | undefined }
  | { readonly kind: 'merge-pause' | 'merge-resume' | 'merge-cancel' | 'merge-end' }
  | { readonly kind: 'kill-worker'; readonly worker: Choice; readonly after: number }
  | { readonly kind: 'crash'; readonly mode: 'power' | 'kill'; readonly after: number }
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

/** What may happen in a run; drawn once for each. */
export interface RunPlan {
  readonly seed: number
  readonly workers: number
  readonly sectors: number
  readonly operations: number
  readonly inFlightMax: number
  /** Whether power fails, or only processes end: stores that promise nothing at a power cut are used in the latter only. */
  readonly crashes: 'none' | 'power' | 'kill'
  /** Errors answer truly that something failed; liars say that all is well. */
  readonly faults: 'none' | 'errors' | 'lies'
  readonly kills: boolean
  readonly autoExtend: boolean
  readonly chunkSectorsMax: number
}

export function planOf(seed: number): RunPlan {
  const random = new Random(seed)
  return {
    seed,
    workers: random.pick([1, 2, 2, 3]),
    sectors: random.int(16, random.pick([64, 256, 512])),
    operations: random.int(200, 260),
    inFlightMax: random.pick([1, 4, 16, 48]),
    crashes: random.pick(['none', 'power', 'power', 'power', 'kill']),
    faults: random.pick(['none', 'none', 'errors', 'errors', 'lies']),
    kills: random.chance(0.4),
    autoExtend: random.chance(0.15),
    chunkSectorsMax: random.pick([1, 4, 16, 64]),
  }
}

const requests = { write: 42, read: 22, flush: 7, zero: 4, discard: 4 } as const
const changes = {
  take: 6,
  remove: 1.2,
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
    fault: plan.faults === 'none' ? 0 : 2,
    heal: plan.faults === 'none' ? 0 : 1,
  }
  return Array.from({ length: plan.operations }, (_, id) => {
    const kind = id < 3 && random.chance(0.7) ? 'take' : random.weighted(weights)
    // Mostly a few steps, so that much is in flight; sometimes as many as anything takes.
    const pause = random.int(0, random.pick([0, 2, 8, 40, 400]))
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
      return { kind, volume: choice(), at: choice(), sectors, isAligned: random.chance(0.3) }
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
    case 'reload':
      return { kind, snapshot: choice() }
    case 'suspend':
      return { kind, volume: choice(), resumeAfter: random.int(1, 60) }
    case 'extend':
      return { kind, snapshot: choice(), chunks: random.int(1, 40) }
    case 'merge':
      return { kind, snapshot: choice(), rate: random.chance(0.4) ? 2 ** random.int(10, 24) : undefined }
    case 'kill-worker':
      return { kind, worker: choice(), after: random.int(0, random.pick([10, 100, 1000])) }
    case 'crash':
      return { kind, mode: plan.crashes, after: random.int(0, random.pick([0, 20, 200, 2000])) }
    case 'fault':
      return { kind, file: choice(), ...faultOf(plan, random) }
    default:
      return { kind }
  }
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
  const call = random.pick(['read', 'write', 'write', 'barrier', 'barrier', 'allocate', 'resize'] as const)
  const misdeed =
    kind === 'error'
      ? { kind, errno: call === 'write' || call === 'resize' ? random.pick([EIO, EIO, ENOSPC]) : EIO }
      : kind === 'slow'
        ? { kind, ms: random.int(1, 300) }
        : { kind }
  const isForEver = kind === 'error' && random.chance(0.25)
  return { call, misdeed, after, times: isForEver ? Number.MAX_SAFE_INTEGER : random.int(1, 3) }
}
