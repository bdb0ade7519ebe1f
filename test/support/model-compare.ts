/** Says where bytes differ from what they must be, in terms of the stamps that were written; and what must fail. */
import { sectorBytes } from './model-oracle.js'
import { readStamp } from './self-describing.js'

/** Throws if a sector of `found` is not the one in `expected`. */
export function mustEqual(what: string, found: Uint8Array, expected: Uint8Array, firstSector = 0): void {
  if (Buffer.compare(found, expected) === 0) return
  const wrong: string[] = []
  for (let start = 0; start < expected.length; start += sectorBytes) {
    if (sameSector(found, start, expected, start)) continue
    const says = `sector ${firstSector + start / sectorBytes}: ${sectorText(found, start)}, not ${sectorText(expected, start)}`
    wrong.push(says)
  }
  throw new Error(`${what}: ${wrong.length} sectors are wrong:\n  ${wrong.slice(0, 8).join('\n  ')}`)
}

/** What one sector may show: bytes at an offset of some array. */
export interface Candidate {
  readonly bytes: Uint8Array
  readonly at: number
}

/** Throws unless the sector is one of the candidates; answers which. */
export function mustBeOneOf(what: string, found: Uint8Array, at: number, candidates: readonly Candidate[]): number {
  const which = candidates.findIndex(({ bytes, at: there }) => sameSector(found, at, bytes, there))
  if (which >= 0) return which
  const allowed = candidates.map(({ bytes, at: there }) => sectorText(bytes, there)).join(' or ')
  throw new Error(`${what}: ${sectorText(found, at)}, not ${allowed}`)
}

export function sameSector(a: Uint8Array, aAt: number, b: Uint8Array, bAt: number): boolean {
  return Buffer.compare(a.subarray(aAt, aAt + sectorBytes), b.subarray(bAt, bAt + sectorBytes)) === 0
}

function sectorText(bytes: Uint8Array, at: number): string {
  const reading = readStamp(bytes, at)
  if ('zero' in reading) return 'zeroes'
  if ('damage' in reading) return `damage (${reading.damage})`
  return `write ${reading.sequence} to device ${reading.device}, sector ${reading.sector}`
}

export async function mustFail(code: string, action: () => Promise<unknown>): Promise<void> {
  try {
    await action()
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === code) return
    throw error
  }
  throw new Error(`succeeded, and must fail with ${code}`)
}
