/** One case: what is asked of each server, with how many requests in flight over how many connections. */

export type PeerWork = 'read' | 'first-write' | 'rewrite' | 'copy'

export interface PeerCase {
  readonly work: PeerWork
  /** Requests in flight on each connection. A copy has what nbdcopy has by default. */
  readonly depth: number
  readonly connections: number
}

/** The least that ours must be, as a multiple of another's median. */
export interface PeerTargets {
  /** The best of those that keep snapshots. */
  readonly bestRival?: number
  readonly nbdkitFile?: number
  readonly nbdkitCow?: number
}

export const targetsOf = ({ work }: PeerCase): PeerTargets => targets[work]

const targets: Readonly<Record<PeerWork, PeerTargets>> = {
  read: { bestRival: 2, nbdkitFile: 1.5 },
  'first-write': { bestRival: 2 },
  rewrite: { bestRival: 2, nbdkitFile: 1.5 },
  copy: { nbdkitCow: 1.5 },
}

/** Stable: what `--only` matches. */
export function peerCaseName({ connections, depth, work }: PeerCase): string {
  return work === 'copy' ? `copy/connections-${connections}` : `${work}/depth-${depth}/connections-${connections}`
}

export function peerCases(): PeerCase[] {
  const random = (['read', 'first-write', 'rewrite'] as const).flatMap((work) =>
    [32, 1].flatMap((depth) => [1, 4].map((connections) => ({ work, depth, connections }))),
  )
  return [...random, ...[1, 4].map((connections) => ({ work: 'copy' as const, depth: 64, connections }))]
}
