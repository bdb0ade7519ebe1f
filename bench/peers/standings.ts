/** The arithmetic between measurements and table: medians, ratios, and whether a target is reached. */
import { median } from '../grid/latency-samples.js'
import type { Figure } from './measure-once.js'
import type { Peer } from './peer.js'
import { type PeerCase, targetsOf } from './peer-case.js'

/** What one server did in one case, over the rounds. */
export interface PeerFigures {
  readonly peer: Pick<Peer, 'name' | 'kind'>
  readonly figures: readonly Figure[]
  /** The first error. A server with one has no figures in the table: it would be compared on its good days only. */
  readonly failure?: string
}

export interface Comparison {
  readonly with: string
  /** Ours over theirs, of the medians. */
  readonly ratio: number
  /** `null` where the issue asks for nothing. */
  readonly target: number | null
  readonly reached: boolean | null
}

export interface Standing {
  readonly server: string
  readonly kind: Peer['kind']
  readonly perSecond: number | null
  readonly rounds: number
  /** Largest over smallest of the rounds; 1 is no spread at all. */
  readonly spread: number | null
  readonly latencyMicrosecondsMedian: number | null
  readonly latencyMicrosecondsOf99: number | null
  readonly failure: string | null
  /** Ours only; the best rival first. */
  readonly comparisons: readonly Comparison[]
}

const nbdkitCow = 'nbdkit cow'

export function standingsOf(peerCase: PeerCase, performances: readonly PeerFigures[]): Standing[] {
  const alone = performances.map(withoutComparisons)
  return alone.map((standing) => ({ ...standing, comparisons: comparisonsOf(peerCase, standing, alone) }))
}

function withoutComparisons({ failure, figures, peer }: PeerFigures): Standing {
  const speeds = figures.map(({ perSecond }) => perSecond)
  const isWhole = failure === undefined && speeds.length > 0
  return {
    server: peer.name,
    kind: peer.kind,
    perSecond: isWhole ? median(speeds) : null,
    rounds: speeds.length,
    spread: isWhole ? Math.max(...speeds) / Math.min(...speeds) : null,
    latencyMicrosecondsMedian: medianOrNull(figures.map((figure) => figure.latencyMicrosecondsMedian)),
    latencyMicrosecondsOf99: medianOrNull(figures.map((figure) => figure.latencyMicrosecondsOf99)),
    failure: failure ?? null,
    comparisons: [],
  }
}

function comparisonsOf(peerCase: PeerCase, ours: Standing, all: readonly Standing[]): Comparison[] {
  const { perSecond } = ours
  if (ours.kind !== 'ours' || perSecond === null) return []
  const targets = targetsOf(peerCase)
  const rivals = all.filter(({ kind }) => kind === 'rival').sort((a, b) => (b.perSecond ?? 0) - (a.perSecond ?? 0))
  const best = rivals[0]
  const cow = rivals.find(({ server }) => server === nbdkitCow)
  const isCowBeside = targets.nbdkitCow !== undefined && cow !== best
  const ceiling = all.find(({ kind }) => kind === 'ceiling')
  return [
    compare(perSecond, best, targets.bestRival ?? (cow === best ? targets.nbdkitCow : undefined)),
    isCowBeside ? compare(perSecond, cow, targets.nbdkitCow) : undefined,
    compare(perSecond, ceiling, targets.nbdkitFile),
  ].filter((comparison) => comparison !== undefined)
}

function compare(ours: number, other: Standing | undefined, target: number | undefined): Comparison | undefined {
  if (other === undefined || other.perSecond === null) return undefined
  const ratio = ours / other.perSecond
  return {
    with: other.server,
    ratio,
    target: target ?? null,
    reached: target === undefined ? null : ratio >= target,
  }
}

function medianOrNull(values: readonly (number | undefined)[]): number | null {
  const known = values.filter((value) => value !== undefined && !Number.isNaN(value))
  return known.length === 0 ? null : median(known as number[])
}

/** Of all targets, how many are reached. */
export function countTargets(standings: readonly Standing[]): { readonly judged: number; readonly reached: number } {
  const judged = standings.flatMap(({ comparisons }) => comparisons).filter(({ reached }) => reached !== null)
  return { judged: judged.length, reached: judged.filter(({ reached }) => reached === true).length }
}
