/**
 * From a COW to a snapshot in use: open and lock the COW, make or load its store, tell the workers. And back.
 */
import { CowringError } from '../base/errors.js'
import { bytesToSectors, sectorsToBytes } from '../base/units.js'
import type { Machinery } from '../coordinator/machinery.js'
import { maximumCowSectors } from '../format/sizing.js'
import type { BlockFile, BlockFileDescriptor } from '../io/block-file.js'
import { blockFileFrom } from '../io/make-block-file.js'
import { type OpenedSource, openSource } from '../io/open-source.js'
import type { FileOnWire } from '../wire/control-message.js'
import { clearBehindList, emptyStore, type LoadedStore, loadStore, readHeader } from './load-store.js'
import { checkFresh, makeStore, wipeStore } from './make-store.js'
import type { Origin, OriginParts } from './origin.js'
import { Snapshot } from './snapshot.js'
import { chunkSectorsDefault, type SnapshotPlan } from './snapshot-options.js'
import { blockBytes, StoreIo } from './store-io.js'

/** A COW that is open, locked and holds a good store, attached to nothing yet. */
export interface PreparedSnapshot {
  readonly plan: SnapshotPlan
  readonly source: OpenedSource
  readonly file: BlockFile
  readonly store: LoadedStore
}

/** Limit: metadata is written in blocks of the COW's logical block size, and the cursor keeps one block's entries. */
const blockSectorsMax = 8

/**
 * `take`: a new file may be made, a blank COW becomes a store. `attach`: there must be a store already. `look`: the same,
 * and nothing will be written to it.
 */
export type CowUse = 'take' | 'attach' | 'look'

/** Fails as `Origin.snapshot` says; the COW is then as it was, and closed. */
export async function openCow(origin: OriginParts, plan: SnapshotPlan, use: CowUse): Promise<PreparedSnapshot> {
  const { machinery } = origin
  const chunkSectors = plan.chunkSectors ?? chunkSectorsDefault
  const usefulBytes = sectorsToBytes(maximumCowSectors(bytesToSectors(origin.facts.sizeBytes), chunkSectors))
  const source = openSource(plan.cow, {
    access: use === 'look' ? 'read' : 'write',
    backend: machinery.backend,
    direct: origin.direct,
    role: 'COW',
    ...(use === 'take' ? { createBytes: plan.cowBytes ?? usefulBytes } : {}),
  })
  try {
    if (source.blockSectors > blockSectorsMax) {
      const text = `COW ${source.name} has blocks of ${source.blockSectors} sectors; at most ${blockSectorsMax} are supported`
      throw new CowringError('DEVICE_UNSUPPORTED', text, { path: source.path ?? source.name })
    }
    const file = blockFileFrom(source.descriptor, machinery.arena)
    const store = await machinery.withBlock(blockBytes, (block) => {
      const io = new StoreIo(source, file, machinery.arena, block)
      return plan.store === 'N'
        ? prepareTransient(io, chunkSectors, origin)
        : preparePersistent(io, chunkSectors, origin, use)
    })
    return { plan, source, file, store }
  } catch (error) {
    source.remove()
    source.close()
    throw error
  }
}

async function prepareTransient(io: StoreIo, chunkSectors: number, origin: OriginParts): Promise<LoadedStore> {
  const shape = { sizeBytes: origin.facts.sizeBytes, blockSectors: origin.source.blockSectors }
  checkFresh(io, chunkSectors, false, shape)
  if ((await readHeader(io, shape)) !== 'fresh') {
    const path = io.source.path ?? io.source.name
    const text = `${path} holds a persistent store, which a transient snapshot would overwrite; give a blank COW`
    throw new CowringError('COW_NOT_A_STORE', text, { path })
  }
  return emptyStore(chunkSectors, shape, io.source.sizeBytes)
}

async function preparePersistent(
  io: StoreIo,
  chunkSectors: number,
  origin: OriginParts,
  use: CowUse,
): Promise<LoadedStore> {
  const shape = { sizeBytes: origin.facts.sizeBytes, blockSectors: origin.source.blockSectors }
  const header = await readHeader(io, shape)
  if (header === 'fresh' && use !== 'take') {
    const path = io.source.path ?? io.source.name
    const text = `${path} is blank, where the origin remembers a store; put the right COW there`
    throw new CowringError('STORE_CORRUPT', text, { path, reason: 'blank' })
  }
  if (header === 'fresh') {
    checkFresh(io, chunkSectors, true, shape)
    await makeStore(io, chunkSectors)
    return emptyStore(chunkSectors, shape, io.source.sizeBytes)
  }
  const store = await loadStore(io, header, shape)
  if (use !== 'look' && header.valid) await clearBehindList(io, store)
  return store
}

export function snapshotFrom(origin: Origin, prepared: PreparedSnapshot): Snapshot {
  const { machinery } = origin.parts
  const { plan, source } = prepared
  return new Snapshot({
    ...prepared,
    owner: origin,
    client: machinery.client,
    arena: machinery.arena.buffer,
    facts: {
      volumeNumber: machinery.nextVolume(),
      name: plan.name,
      path: source.path,
      sizeBytes: origin.sizeBytes,
      readOnly: plan.readOnly,
      bufferAlignment: origin.parts.facts.bufferAlignment,
    },
  })
}

/** Tells every worker of a snapshot; its origin is drained. */
export async function attachSnapshot(machinery: Machinery, origin: number, snapshot: Snapshot): Promise<void> {
  const { plan, source, store } = snapshot.parts
  const buffers: SharedArrayBuffer[] = [store.cursorMemory, ...store.mapMemory]
  const cow = fileOnWire(source.descriptor, buffers)
  await machinery.attach(
    snapshot.volumeNumber,
    {
      kind: 'attach-snapshot',
      snapshot: {
        volume: snapshot.volumeNumber,
        origin,
        cow,
        chunkSectors: store.geometry.chunkSectors,
        kind: plan.store === 'N' ? 'transient' : 'persistent',
        overflows: plan.store === 'PO',
        discards: plan.discards ?? 'refused',
        barriers: plan.durability === 'power-loss',
        dataIndexOffset: store.dataIndexOffset,
        metadataUnitBytes: sectorsToBytes(source.blockSectors),
        cursorBuffer: 0,
        mapBuffers: store.mapMemory.map((_, index) => index + 1),
      },
    },
    buffers,
    store.cursor,
  )
}

export async function detachSnapshot(machinery: Machinery, snapshot: Snapshot): Promise<void> {
  await machinery.detach(snapshot.volumeNumber, { kind: 'detach-snapshot', volume: snapshot.volumeNumber })
}

/** Blanks the COW of a snapshot that was detached. */
export async function wipeCow(machinery: Machinery, snapshot: Snapshot): Promise<void> {
  const { file, source } = snapshot.parts
  await machinery.withBlock(blockBytes, (block) => wipeStore(new StoreIo(source, file, machinery.arena, block)))
}

/** A descriptor as it crosses to a worker; memory is added to the message's buffers. */
export function fileOnWire(descriptor: BlockFileDescriptor, buffers: SharedArrayBuffer[]): FileOnWire {
  if (descriptor.kind === 'file') return descriptor
  const { bytes, byteOffset, sizeBytes } = descriptor
  return { kind: 'memory', buffer: buffers.push(bytes) - 1, byteOffset, sizeBytes }
}
