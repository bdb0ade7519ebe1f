/**
 * The sector pattern of the recordings, made and recognised.
 *
 * Sector S written with salt G holds 32 copies of four little-endian words: S, G, w2 = S·1664525 + G·1013904223 + 12345,
 * w3 = w2·1664525 + 1013904223, modulo 2³². So every sector says where, and by which write, it was made.
 */

import type { Run } from './recording.js'

const sectorBytes = 512
const sectorWords = sectorBytes / 4

/** The bytes of `sectors` sectors from `firstSector` on, written with `salt`. */
export function patternBytes(firstSector: number, sectors: number, salt: number): Uint8Array {
  const words = new Uint32Array(sectors * sectorWords)
  for (let sector = 0; sector < sectors; sector += 1) {
    const [w0, w1, w2, w3] = patternWords(firstSector + sector, salt)
    const start = sector * sectorWords
    words[start] = w0
    words[start + 1] = w1
    words[start + 2] = w2
    words[start + 3] = w3
    for (let copied = 4; copied < sectorWords; copied *= 2) {
      words.copyWithin(start + copied, start, start + copied)
    }
  }
  return new Uint8Array(words.buffer)
}

/** Decodes content into runs of sectors, each as long as one salt and consecutive sources go on. */
export function decodeRuns(bytes: Uint8Array): Run[] {
  const runs: [number, number, number, number][] = []
  for (let sector = 0; sector < bytes.length / sectorBytes; sector += 1) {
    const [salt, source] = recogniseSector(bytes.subarray(sector * sectorBytes, (sector + 1) * sectorBytes))
    const last = runs.at(-1)
    if (last !== undefined && last[2] === salt && source === (salt >= 0 ? last[3] + last[1] : last[3])) last[1] += 1
    else runs.push([sector, 1, salt, source])
  }
  return runs
}

/** The salt and the source sector of one sector, in the terms of a run. */
function recogniseSector(sector: Uint8Array): [number, number] {
  const bytes = Buffer.from(sector.buffer, sector.byteOffset, sectorBytes)
  const source = bytes.readUInt32LE(0)
  const salt = bytes.readUInt32LE(4)
  if (bytes.equals(patternBytes(source, 1, salt))) return [salt, source]
  const first = bytes.readUInt8(0)
  if (!bytes.equals(Buffer.alloc(sectorBytes, first))) return [-3, 0]
  return first === 0 ? [-1, 0] : [-2, first]
}

function patternWords(sector: number, salt: number): [number, number, number, number] {
  const w2 = Math.imul(sector, 1664525) + Math.imul(salt, 1013904223) + 12345
  return [sector, salt, w2, Math.imul(w2, 1664525) + 1013904223]
}
