/**
 * What the engine's own API asks of a COW beyond what a table does: it makes the file if there is none, and a transient
 * snapshot does not overwrite a persistent store.
 */
import { CowringError } from '../base/errors.js'
import { bytesToSectors, sectorsToBytes } from '../base/units.js'
import type { Machinery } from '../coordinator/machinery.js'
import { maximumCowSectors } from '../format/sizing.js'
import { openSource } from '../io/open-source.js'
import { type OriginShape, readHeader } from './load-store.js'
import { wipeStore } from './make-store.js'
import type { CowUse } from './open-store.js'
import type { PhysicalDevice, PhysicalDevices } from './physical-devices.js'
import { chunkSectorsDefault, type SnapshotPlan } from './snapshot-options.js'
import { blockBytes, StoreIo } from './store-io.js'

/** Opens the COW of a plan; a new file is made as large as can be of use. Fails as `openSource` does. */
export function openCow(
  physical: PhysicalDevices,
  plan: SnapshotPlan,
  { direct, originBytes, use }: { direct: boolean; originBytes: number; use: CowUse },
): PhysicalDevice {
  const chunkSectors = plan.chunkSectors ?? chunkSectorsDefault
  const usefulBytes = sectorsToBytes(maximumCowSectors(bytesToSectors(originBytes), chunkSectors))
  const source = openSource(plan.cow, {
    access: use === 'look' ? 'read' : 'write',
    backend: physical.backend,
    direct,
    role: 'COW',
    ...(use === 'take' ? { createBytes: plan.cowBytes ?? usefulBytes } : {}),
  })
  return physical.adopt({ source, writable: use !== 'look' })
}

/** Fails with COW_NOT_A_STORE if a transient snapshot would overwrite something. */
export async function refuseWritten(machinery: Machinery, cow: PhysicalDevice, origin: OriginShape): Promise<void> {
  await withStoreIo(machinery, cow, async (io) => {
    if ((await readHeader(io, origin)) === 'fresh') return
    const path = cow.name
    const text = `${path} holds a persistent store, which a transient snapshot would overwrite; give a blank COW`
    throw new CowringError('COW_NOT_A_STORE', text, { path })
  })
}

/** Blanks the COW of a snapshot that is removed. Fails with IO_ERROR. */
export async function wipeCow(machinery: Machinery, cow: PhysicalDevice): Promise<void> {
  await withStoreIo(machinery, cow, wipeStore)
}

async function withStoreIo(
  machinery: Machinery,
  cow: PhysicalDevice,
  use: (io: StoreIo) => Promise<void>,
): Promise<void> {
  const device = { name: cow.name, sizeBytes: cow.sizeBytes(), blockSectors: cow.blockSectors() }
  await machinery.withBlock(blockBytes, (block) => use(new StoreIo(device, cow.file, machinery.arena, block)))
}
