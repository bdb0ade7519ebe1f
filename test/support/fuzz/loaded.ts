/** A store through the production loader: `openStore` over a MemoryFile. */
import { CowringError } from '../../../src/base/errors.js'
import type { LoadedStore } from '../../../src/control/load-store.js'
import { openStore } from '../../../src/control/open-store.js'
import { blockBytes, StoreIo } from '../../../src/control/store-io.js'
import { MemoryFile } from '../../../src/io/memory-file.js'
import { storeState } from '../../../src/shm/commit-cursor.js'
import { ExceptionMap } from '../../../src/shm/exception-map.js'

const arena = new Uint8Array(new SharedArrayBuffer(blockBytes))
let region = new Uint8Array(new SharedArrayBuffer(2 ** 20))

export interface Loaded {
  readonly outcome: 'loaded' | 'fresh' | 'invalid' | 'refused'
  readonly code: string | undefined
  /** Old chunk → new chunk. */
  readonly exceptions: ReadonlyMap<number, number>
  /** The COW after it: a load for writing clears what is behind the list. */
  readonly bytes: Uint8Array
  readonly calls: number
  /** Memory of its exception map. */
  readonly mapBytes: number
}

export async function loadedFrom(bytes: Uint8Array, originSectors: number): Promise<Loaded> {
  if (region.byteLength < bytes.byteLength) region = new Uint8Array(new SharedArrayBuffer(2 * bytes.byteLength))
  const cow = region.subarray(0, bytes.byteLength - (bytes.byteLength % 512))
  cow.set(bytes.subarray(0, cow.byteLength))
  const file = new MemoryFile(cow, arena, false)
  let calls = 0
  const counted = {
    read: (...words: Parameters<MemoryFile['read']>) => {
      calls++
      return file.read(...words)
    },
    write: (...words: Parameters<MemoryFile['write']>) => {
      calls++
      return file.write(...words)
    },
    barrier: () => file.barrier(),
  }
  const io = new StoreIo({ name: 'memory', sizeBytes: cow.byteLength, blockSectors: 1 }, counted, arena, 0)
  const isFresh = new DataView(cow.buffer, 0, 4).getUint32(0) === 0
  try {
    const store = await openStore(io, 8, { sizeBytes: originSectors * 512, blockSectors: 1 }, isFresh ? 'look' : 'take')
    const isInvalid = store.cursor.state() === storeState.invalid
    const outcome = isInvalid ? 'invalid' : 'loaded'
    const mapBytes = store.mapMemory.reduce((sum, { byteLength }) => sum + byteLength, 0)
    const exceptions = exceptionsOf(store, originSectors)
    return { outcome, code: undefined, exceptions, bytes: cow.slice(), calls, mapBytes }
  } catch (error) {
    if (!(error instanceof CowringError)) throw error
    return {
      outcome: isFresh ? 'fresh' : 'refused',
      code: error.code,
      exceptions: new Map(),
      bytes: cow.slice(),
      calls,
      mapBytes: 0,
    }
  }
}

function exceptionsOf({ geometry, mapMemory }: LoadedStore, originSectors: number): Map<number, number> {
  const map = new ExceptionMap(mapMemory)
  const exceptions = new Map<number, number>()
  for (let chunk = 0; chunk * geometry.chunkSectors < originSectors; chunk++) {
    const newChunk = map.lookUp(chunk)
    if (newChunk >= 0) exceptions.set(chunk, newChunk)
  }
  return exceptions
}
