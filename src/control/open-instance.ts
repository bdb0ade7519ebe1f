/**
 * The store of a snapshot target that is being loaded: read from its COW now, or expected from another target that has that
 * COW in use.
 */
import { sectorsToBytes } from '../base/units.js'
import { blockFileFrom } from '../io/make-block-file.js'
import type { SnapshotSpec, StoreSpec } from '../targets/snapshot.js'
import { faultErrno, TableFault } from '../targets/table-fault.js'
import type { TableLine } from '../targets/table-text.js'
import type { Device } from './device.js'
import type { Family } from './family.js'
import type { LoadedStore } from './load-store.js'
import type { MappedDevice } from './mapped-device.js'
import type { Merge } from './merge.js'
import { type CowUse, openStore, openTransientStore } from './open-store.js'
import { faultOf } from './refusal.js'
import { chunkSectorsDefault, type Durability } from './snapshot-options.js'
import type { Stack } from './stack.js'
import { type InstancePlan, StoreInstance } from './store-instance.js'
import { blockBytes, StoreIo } from './store-io.js'

export interface StoreOptions {
  readonly durability: Exclude<Durability, 'none'>
  readonly cowUse: CowUse
  readonly onHeaderFailed?: () => void
  /** What steers and watches the merge of a `snapshot-merge` target; one of its own without. */
  readonly merge?: Merge
}

export interface InstanceParts {
  readonly owner: MappedDevice
  readonly family: Family
  readonly cow: Device
  readonly spec: SnapshotSpec
  readonly store: StoreSpec
  readonly line: TableLine
}

/** Limit: metadata is written in blocks of the COW's logical block size, and the cursor keeps one block's entries. */
const blockSectorsMax = 8

/** Fails with TableFault. */
export async function openInstance(stack: Stack, parts: InstanceParts, options: StoreOptions): Promise<StoreInstance> {
  const { cow, family, line, owner, spec, store } = parts
  const discards = !spec.discardZeroesCow ? 'refused' : spec.discardPassdownOrigin ? 'zeroes-and-passdown' : 'zeroes'
  const plan = {
    owner,
    family,
    cow,
    spec: store,
    durability: store.store === 'N' ? ('none' as const) : options.durability,
    discards,
    sectors: line.length,
    merges: spec.type === 'snapshot-merge',
    onHeaderFailed: options.onHeaderFailed,
    merge: options.merge,
  } as const
  const volume = stack.machinery.nextVolume()
  const source = handoverSource(stack, family, cow)
  if (plan.merges) refuseMerge(family, store.store === 'N' || source?.plan.spec.store === 'N')
  if (source?.mergeFailure !== undefined) throw new TableFault(`${pairingFailed}: ${source.mergeFailure.message}`)
  if (source !== undefined) return new StoreInstance(plan, volume, undefined)
  return new StoreInstance(plan, volume, await readStore(stack, plan, options.cowUse))
}

const pairingFailed = 'Snapshot cow pairing for exception table handover failed'

function refuseMerge(family: Family, isTransient: boolean): void {
  if (isTransient) throw new TableFault('Snapshot exception store does not support snapshot-merge.')
  if ([...family.instances].some(({ plan }) => plan.merges)) throw new TableFault('A snapshot is already merging.')
}

/** The active target that has the COW: its exceptions are handed over at the resume. */
function handoverSource(stack: Stack, family: Family, cow: Device): StoreInstance | undefined {
  const sharing = [...family.instances].filter(({ plan }) => plan.cow === cow)
  if (sharing.length >= 2 || sharing.some(({ isAttached }) => !isAttached)) throw new TableFault(pairingFailed)

  for (const other of stack.families) {
    if (other !== family && [...other.instances].some(({ plan }) => plan.cow === cow)) {
      const reason = `${cow.name} holds the store of a snapshot of ${other.device.name}`
      throw new TableFault(`Cannot get COW device: ${reason}`, faultErrno.EBUSY)
    }
  }
  return sharing[0]
}

/** The store on a COW, as a table of so many sectors loads it. Fails with TableFault. */
export async function readStore(
  stack: Stack,
  { cow, family, sectors, spec: store }: Pick<InstancePlan, 'cow' | 'family' | 'sectors' | 'spec'>,
  use: CowUse,
): Promise<LoadedStore> {
  const { machinery } = stack
  const blockSectors = cow.blockSectors()
  if (blockSectors > blockSectorsMax) {
    const limit = `${cow.name} has blocks of ${blockSectors} sectors; at most ${blockSectorsMax} are supported`
    throw new TableFault(`Couldn't create exception store: ${limit}`)
  }
  const device = { name: cow.name, sizeBytes: cow.sizeBytes(), blockSectors }
  // An origin that has no table yet, or gets a longer one, has what the snapshot's own length says.
  const sizeBytes = Math.max(family.device.sizeBytes(), sectorsToBytes(sectors))
  const shape = { sizeBytes, blockSectors: family.device.blockSectors() }
  const chunkSectors = store.chunkSectors === 0 ? Math.max(chunkSectorsDefault, blockSectors) : store.chunkSectors
  try {
    return await stack.withFile(cow, (raw) =>
      machinery.withBlock(blockBytes, async (block) => {
        const file = raw?.asStoreFile() ?? blockFileFrom(cow.descriptor(), machinery.arena)
        const io = new StoreIo(device, file, machinery.arena, block)
        if (store.store === 'N') return openTransientStore(io, chunkSectors, shape)
        return await openStore(io, chunkSectors, shape, use)
      }),
    )
  } catch (error) {
    throw faultOf('Failed to read snapshot metadata', error)
  }
}
