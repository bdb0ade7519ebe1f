/**
 * Making a fresh store. Area 0 is zeroed and flushed before the header appears, so that no crash leaves a valid header over
 * stale bytes; the kernel does it the other way round.
 */
import { CowringError } from '../base/errors.js'
import { bytesToSectors, sectorsToBytes } from '../base/units.js'
import { areaChunk, geometryOf, validateChunkSectors } from '../format/geometry.js'
import { diskVersion, encodeHeader, headerBytes } from '../format/header.js'
import type { OriginShape } from './load-store.js'
import type { StoreIo } from './store-io.js'

/** Fails with INVALID_ARGUMENT, COW_TOO_SMALL before anything is written. */
export function checkFresh(io: StoreIo, chunkSectors: number, persistent: boolean, origin: OriginShape): void {
  const { blockSectors, sizeBytes } = io.device
  const path = io.device.name
  const refused = validateChunkSectors(chunkSectors, [blockSectors, origin.blockSectors])
  if (refused !== undefined)
    throw new CowringError('INVALID_ARGUMENT', `chunkSectors ${chunkSectors}: ${refused}`, { path })
  const chunks = Math.floor(bytesToSectors(sizeBytes) / chunkSectors)
  const needed = persistent ? 2 : 1
  if (chunks >= needed) return
  const least = sectorsToBytes(needed * chunkSectors)
  const text = `COW ${path} has ${sizeBytes} bytes; a store of ${chunkSectors}-sector chunks needs at least ${least}`
  throw new CowringError('COW_TOO_SMALL', text, { path, byteLength: sizeBytes })
}

/** Fails with IO_ERROR. */
export async function makeStore(io: StoreIo, chunkSectors: number): Promise<void> {
  const geometry = geometryOf(chunkSectors)
  await io.zero(areaChunk(geometry, 0) * geometry.chunkBytes, geometry.chunkBytes)
  await io.zero(headerBlockBytes(io), geometry.chunkBytes - headerBlockBytes(io))
  await io.barrier()
  encodeHeader({ valid: true, version: diskVersion, chunkSectors }, io.bytes.fill(0, 0, headerBlockBytes(io)), 0)
  await io.write(0, headerBlockBytes(io))
  await io.barrier()
}

/** Makes a COW blank again: its first bytes are zero, so that nobody continues the store by mistake. */
export async function wipeStore(io: StoreIo): Promise<void> {
  await io.read(0, headerBlockBytes(io))
  io.bytes.fill(0, 0, headerBytes)
  await io.write(0, headerBlockBytes(io))
  await io.barrier()
}

const headerBlockBytes = (io: StoreIo): number => sectorsToBytes(io.device.blockSectors)
