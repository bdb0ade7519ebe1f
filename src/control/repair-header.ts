/** What the header of a damaged store still says, and what its user says instead. */
import { CowringError } from '../base/errors.js'
import { sectorsToBytes } from '../base/units.js'
import { validateChunkSectors } from '../format/geometry.js'
import { decodeHeader, headerFields } from '../format/header.js'
import type { StoreBytes } from './store-bytes.js'
import { headerProblem } from './store-checks.js'

export interface HeaderWishes {
  readonly chunkSectors?: number
  readonly salvageInvalid?: boolean
}

/** Fails with INVALID_ARGUMENT, COW_NOT_A_STORE, STORE_VERSION, STORE_CORRUPT, SNAPSHOT_INVALID, IO_ERROR. */
export async function judgeDamagedHeader(
  bytes: StoreBytes,
  { chunkSectors, salvageInvalid }: HeaderWishes,
): Promise<{ chunkSectors: number; notes: string[] }> {
  const path = bytes.name
  const refused = chunkSectors === undefined ? undefined : validateChunkSectors(chunkSectors, [bytes.blockSectors])
  if (refused !== undefined) {
    throw new CowringError('INVALID_ARGUMENT', `a chunk of ${chunkSectors} sectors: ${refused}`, { path })
  }
  const { first, damage } = await readHeader(bytes)
  if (damage.chunkSectors === undefined && chunkSectors === undefined) {
    const text = `${path}: ${damage.text}; if it held a store, give the chunk size it had`
    throw new CowringError(damage.code, text, { path, reason: damage.text })
  }
  // What cannot be read cannot say that the store is valid.
  const isValid = first.readUInt32LE(headerFields.valid.byteOffset) !== 0
  if (!isValid && salvageInvalid !== true) {
    const what = 'copies are missing in it, and its snapshot shows no moment of the origin any more'
    const text = `${path} was invalidated, or its header says so: ${what}`
    const advice = 'what is left of it has to be asked for expressly (salvageInvalid, --salvage-invalid)'
    throw new CowringError('SNAPSHOT_INVALID', `${text}; ${advice}`, { path })
  }
  const used = chunkSectors ?? damage.chunkSectors ?? 0
  const notes: string[] = []
  if (damage.chunkSectors !== used) {
    const said = damage.chunkSectors === undefined ? damage.text : `its header says ${damage.chunkSectors} sectors`
    notes.push(`${said}; it was read with chunks of ${used} sectors, as asked for`)
  }
  if (!isValid) notes.push('it was invalidated, or its header says so: the snapshot shows no moment of the origin')
  return { chunkSectors: used, notes }
}

async function readHeader(bytes: StoreBytes): Promise<{ first: Buffer; damage: HeaderDamage }> {
  const first = Buffer.alloc(sectorsToBytes(bytes.blockSectors))
  try {
    await bytes.read(first, 0)
    return { first, damage: damageOf(bytes, first) }
  } catch (error) {
    if (!(error instanceof CowringError)) throw error
    return { first: first.fill(0), damage: { chunkSectors: undefined, code: 'IO_ERROR', text: error.message } }
  }
}

type HeaderDamage =
  | { readonly chunkSectors: number }
  | {
      readonly chunkSectors: undefined
      readonly text: string
      readonly code: 'COW_NOT_A_STORE' | 'STORE_VERSION' | 'STORE_CORRUPT' | 'IO_ERROR'
    }

function damageOf({ blockSectors }: StoreBytes, first: Uint8Array): HeaderDamage {
  const reading = decodeHeader(first, 0)
  const chunkSectors = undefined
  if (reading.kind === 'fresh')
    return { chunkSectors, code: 'COW_NOT_A_STORE', text: 'it is blank, where a store begins' }
  if (reading.kind === 'foreign') {
    const text = `it begins with 0x${reading.magic.toString(16)}, as no store does`
    return { chunkSectors, code: 'COW_NOT_A_STORE', text }
  }
  const problem = headerProblem(reading.header, [blockSectors])
  if (problem === undefined) return { chunkSectors: reading.header.chunkSectors }
  return { chunkSectors, code: problem.kind === 'corrupt' ? 'STORE_CORRUPT' : 'STORE_VERSION', text: problem.text }
}
