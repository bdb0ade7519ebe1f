/** How full the stores of an origin's snapshots are, and how far its merges, from interval to interval. */
import type { Snapshot } from '../../index.js'
import type { StoreProgress } from '../result/load-progress.js'
import type { StorePoint, StoreSeries } from '../result/load-result.js'
import type { EngineTarget } from '../target/engine-target.js'
import type { Timeline } from './timeline.js'

interface Watched {
  readonly points: StorePoint[]
  readonly merge: { readonly atSeconds: number; readonly done: number }[]
}

export class StoreWatch {
  readonly #target: EngineTarget
  readonly #timeline: Timeline
  readonly #watched = new Map<string, Watched>()
  #progress: StoreProgress[] = []

  constructor(target: EngineTarget, timeline: Timeline) {
    this.#target = target
    this.#timeline = timeline
  }

  /** As of the last look. */
  get progress(): readonly StoreProgress[] {
    return this.#progress
  }

  look(atSeconds: number): void {
    this.#progress = this.#target.origin.snapshots.flatMap((snapshot) => this.#lookAt(snapshot, atSeconds))
    for (const [name, merge] of this.#timeline.merges) {
      const { done, state, total } = merge.current
      this.#of(name).merge.push({ atSeconds, done: state === 'merged' ? 1 : total === 0 ? 0 : done / total })
    }
  }

  series(): StoreSeries[] {
    return [...this.#watched].map(([snapshot, { merge, points }]) => ({ snapshot, points, merge: upToTheEnd(merge) }))
  }

  #lookAt(snapshot: Snapshot, atSeconds: number): StoreProgress[] {
    if (snapshot.closed) return []
    const { allocatedSectors, percent, state, totalSectors } = snapshot.usage()
    this.#of(snapshot.name).points.push({ atSeconds, percent, allocatedSectors, totalSectors })
    const merge = this.#timeline.merges.get(snapshot.name)?.current
    const shown = { snapshot: snapshot.name, percent }
    if (merge === undefined) return [{ ...shown, state: state === 'Valid' ? 'active' : 'invalid' }]
    return [{ ...shown, state: 'merging', mergeDone: merge.total === 0 ? 0 : merge.done / merge.total }]
  }

  #of(name: string): Watched {
    const watched = this.#watched.get(name) ?? { points: [], merge: [] }
    this.#watched.set(name, watched)
    return watched
  }
}

/** One point at which it is done is enough. */
function upToTheEnd(points: Watched['merge']): Watched['merge'] {
  const end = points.findIndex(({ done }) => done === 1)
  return end < 0 ? points : points.slice(0, end + 1)
}
