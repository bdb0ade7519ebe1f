/** The last tables of the demo: statuses, and what the engine counted while it worked beside what the steps measured. */
import type { EngineStatistics, Origin } from '../index.js'
import { bytes, bytesPerSecond, count, microseconds } from './figures.js'
import type { Page } from './page.js'

const sectorBytes = 512

export type Operation = 'originRead' | 'originWrite' | 'snapshotRead' | 'snapshotWrite'

/** How long the steps of each operation took, and what they moved. */
export class Rates {
  readonly #sums = new Map<Operation, { bytes: number; seconds: number }>()

  add(operation: Operation, moved: { readonly bytes: number; readonly seconds: number }): void {
    const sum = this.#sums.get(operation) ?? { bytes: 0, seconds: 0 }
    this.#sums.set(operation, { bytes: sum.bytes + moved.bytes, seconds: sum.seconds + moved.seconds })
  }

  of(operation: Operation): string {
    const sum = this.#sums.get(operation)
    return sum === undefined ? '' : bytesPerSecond(sum.bytes, sum.seconds)
  }
}

const rows = [
  ['originWrite', 'origin write'],
  ['snapshotWrite', 'snapshot write'],
  ['originRead', 'origin read'],
  ['snapshotRead', 'snapshot read'],
] as const satisfies readonly (readonly [Operation, string])[]

export function printStatistics(page: Page, statistics: EngineStatistics, rates: Rates): void {
  const header = ['operation', 'requests', 'of', 'throughput', 'p50', 'p99', 'max']
  const figures = rows
    .filter(([operation]) => statistics.operations[operation].count > 0)
    .map(([operation, label]) => {
      const { count: requests, bytes: moved, latency } = statistics.operations[operation]
      return [
        label,
        count(requests),
        bytes(moved / requests),
        rates.of(operation),
        microseconds(latency.p50Microseconds),
        microseconds(latency.p99Microseconds),
        microseconds(latency.maxMicroseconds),
      ]
    })
  page.table(['left', ...header.slice(1).map(() => 'right' as const)], figures, header)
}

export function printCounters(page: Page, { counters }: EngineStatistics): void {
  const perCommit = counters.commits > 0 ? (counters.committedExceptions / counters.commits).toFixed(1) : '0'
  page.line(
    `${count(counters.copiedChunks)} chunks (${bytes(counters.copiedBytes)}) copied to the stores before they were overwritten`,
  )
  page.line(
    `${count(counters.commits)} group commits of ${perCommit} exceptions on average, ${count(counters.barriers)} barriers`,
  )
}

/** `NAME: 0 SECTORS snapshot STATUS`, where STATUS is used/total and metadata in sectors. */
export function printStatus(page: Page, origin: Origin): void {
  for (const snapshot of origin.snapshots) {
    page.line(`${snapshot.name}: 0 ${snapshot.sizeBytes / sectorBytes} snapshot ${snapshot.status()}`)
  }
}
