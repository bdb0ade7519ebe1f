/** The two snapshots of the demo, and the digests by which it tells what every device holds. */
import type { Origin, Snapshot } from '../index.js'
import { type Operation, Rates } from './demo-tables.js'
import { digestOf } from './digest.js'
import { bytes, duration } from './figures.js'
import { LiveLine } from './live-line.js'
import type { Page } from './page.js'
import type { WrittenBlocks } from './written-blocks.js'

interface SnapshotPlan {
  readonly name: string
  readonly chunkSectors: number
  readonly store: 'P' | 'PO'
  readonly durability: 'power-loss' | 'process-crash'
}

const plans: readonly [SnapshotPlan, SnapshotPlan] = [
  { name: 'snap-a', chunkSectors: 8, store: 'P', durability: 'power-loss' },
  { name: 'snap-b', chunkSectors: 128, store: 'PO', durability: 'process-crash' },
]

export const snapshotNames = plans.map(({ name }) => name)

export type Digests = ReadonlyMap<string, string>

/** Takes both snapshots beside the image and prints what they are. */
export async function takeSnapshots(origin: Origin, folder: string, page: Page): Promise<[Snapshot, Snapshot]> {
  const rows: string[][] = []
  const take = async (plan: SnapshotPlan): Promise<Snapshot> => {
    const cowBytes = roomForEveryChunk(origin.sizeBytes, plan.chunkSectors * 512)
    const startedAt = performance.now()
    const snapshot = await origin.snapshot({ ...plan, cow: `${folder}/${plan.name}.cow`, cowBytes })
    const took = duration((performance.now() - startedAt) / 1000)
    rows.push([
      plan.name,
      bytes(plan.chunkSectors * 512),
      plan.store,
      plan.durability,
      `${bytes(cowBytes)} sparse`,
      took,
    ])
    return snapshot
  }
  const taken: [Snapshot, Snapshot] = [await take(plans[0]), await take(plans[1])]
  const header = ['name', 'chunk', 'store', 'survives', 'COW file', 'taken in']
  page.table(['left', 'right', 'left', 'left', 'right', 'right'], rows, header)
  page.line('Each COW file has room for every chunk, and occupies no more than it holds.')
  return taken
}

/** A COW that can never be full: header, every chunk, and an area of metadata for each that the chunks fill, plus one. */
function roomForEveryChunk(originBytes: number, chunkBytes: number): number {
  const entryBytes = 16
  const chunks = Math.ceil(originBytes / chunkBytes)
  const areas = Math.ceil(chunks / (chunkBytes / entryBytes)) + 1
  return (1 + areas + chunks + 1) * chunkBytes
}

/** Reads devices whole, one after the other, and times it. */
export class Reader {
  readonly rates = new Rates()
  readonly #page: Page

  constructor(page: Page) {
    this.#page = page
  }

  async digestsOf(origin: Origin, written?: WrittenBlocks): Promise<Digests> {
    const digests = new Map([['origin', await this.#digest('originRead', 'origin', origin, written)]])
    for (const snapshot of origin.snapshots) {
      digests.set(snapshot.name, await this.#digest('snapshotRead', snapshot.name, snapshot))
    }
    return digests
  }

  async #digest(
    operation: Operation,
    name: string,
    device: Origin | Snapshot,
    written?: WrittenBlocks,
  ): Promise<string> {
    const { sizeBytes } = device
    const live = new LiveLine(this.#page, 1000)
    const startedAt = performance.now()
    try {
      return await digestOf(device, {
        onPiece: (byteOffset, piece) => written?.compare(byteOffset, piece),
        onProgress: (done) =>
          live.update(done / sizeBytes, () => `reading ${name}: ${bytes(done)} of ${bytes(sizeBytes)}`),
      })
    } finally {
      live.stop()
      this.rates.add(operation, { bytes: sizeBytes, seconds: (performance.now() - startedAt) / 1000 })
    }
  }
}
