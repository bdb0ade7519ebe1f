/** What has happened to a sector that is neither whole nor what was there before. */
import {
  fillingAtByte,
  fillingEndByte,
  fillingWords,
  fingerprint,
  isFillingOfOne,
  isWholeStamp,
  matchingFilling,
  type Reading,
  sectorBytes,
  wordsOf,
} from './sector-stamp.js'

export type Damage =
  | { readonly kind: 'flipped'; readonly byte: number; readonly bit: number }
  /** Of one write up to about this byte, and something else from there on. */
  | { readonly kind: 'torn'; readonly atByte: number }
  | { readonly kind: 'unknown' }

/** The sector as it was before the bit flipped. */
export function repaired(bytes: Uint8Array, { bit, byte }: { byte: number; bit: number }): Uint8Array {
  const copy = Uint8Array.from(bytes)
  copy[byte] = (copy[byte] as number) ^ (1 << bit)
  return copy
}

/** `before`: the fingerprint of what was there before the run. `write`: what should be there, 0 for that. */
export function damageOf(bytes: Uint8Array, found: Reading, sector: number, write: number, before: number): Damage {
  return flippedBit(bytes, before) ?? tear(wordsOf(bytes), found, sector, write) ?? { kind: 'unknown' }
}

/** The one bit without which the sector would be right. */
function flippedBit(bytes: Uint8Array, before: number): Damage | undefined {
  const copy = Uint8Array.from(bytes)
  const words = wordsOf(copy)
  for (let at = 0; at < sectorBytes * 8; at++) {
    const [byte, bit] = [at >>> 3, at & 7]
    const given = copy[byte] as number
    copy[byte] = given ^ (1 << bit)
    if (isWholeStamp(words, 0) || fingerprint(words, 0) === before) return { kind: 'flipped', byte, bit }
    copy[byte] = given
  }
  return undefined
}

/** What is damaged in its middle has the beginning and the end of one write's filling; what is torn has one of them. */
function tear(words: Uint32Array, found: Reading, sector: number, write: number): Damage | undefined {
  if (found.hasMagic) {
    const { head, tail } = matchingFilling(words, found.write, sector)
    if (head > 0) return tail === 0 ? { kind: 'torn', atByte: fillingAtByte + head * 4 } : undefined
    // Within the header: what follows it is of another write.
    if (tail === 0 && isFillingOfOne(words)) return { kind: 'torn', atByte: fillingAtByte }
  }
  const { tail } = matchingFilling(words, write, sector)
  return write > 0 && tail > 0 && tail < fillingWords ? { kind: 'torn', atByte: fillingEndByte - tail * 4 } : undefined
}
