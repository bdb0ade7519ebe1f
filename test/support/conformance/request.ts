/** Recorded requests on a volume, and reading a whole device as the recorder did. */
import { createHash } from 'node:crypto'
import { patternBytes } from '../pattern.js'
import type { RequestRecord } from '../recording.js'
import { errnoOf } from './errno.js'
import type { RequestVolume } from './layer.js'

const sectorBytes = 512
const readBytesMax = 1 << 20

/** Does one request; resolves with what it read. */
export async function performRequest(volume: RequestVolume, record: RequestRecord): Promise<Uint8Array | undefined> {
  const { op, off, len, salt = 0 } = record
  const offset = off * sectorBytes
  const length = len * sectorBytes
  switch (op) {
    case 'r':
      return volume.read(offset, length)
    case 'w':
      await volume.write(offset, patternBytes(off, len, salt))
      return undefined
    case 'ws':
      await volume.write(offset, patternBytes(off, len, salt))
      await volume.flush()
      return undefined
    case 'z':
      await volume.write(offset, new Uint8Array(length))
      return undefined
    case 'zo':
      await volume.writeZeroes(offset, length)
      return undefined
    case 'd':
      await volume.discard(offset, length)
      return undefined
    case 'f':
      await volume.flush()
      return undefined
  }
}

/** The whole content of a device of `sectors` sectors, and the first sector that could not be read. */
export async function readWhole(
  volume: RequestVolume,
  sectors: number,
  visit: (block: Uint8Array) => void,
): Promise<number | undefined> {
  const bytes = sectors * sectorBytes
  for (let at = 0; at < bytes; ) {
    const length = Math.min(readBytesMax, bytes - at)
    const answer = await errnoOf(async () => visit(await volume.read(at, length)))
    if (answer !== 'ok') return firstUnreadable(volume, at, length)
    at += length
  }
  return undefined
}

/** The md5 of a whole device, or `EIO@SECTOR` where it cannot be read. */
export async function digest(volume: RequestVolume, sectors: number): Promise<string> {
  const hash = createHash('md5')
  const unreadable = await readWhole(volume, sectors, (block) => hash.update(block))
  return unreadable === undefined ? hash.digest('hex') : `EIO@${unreadable}`
}

async function firstUnreadable(volume: RequestVolume, from: number, length: number): Promise<number> {
  for (let at = from; at < from + length; at += sectorBytes) {
    const answer = await errnoOf(async () => void (await volume.read(at, sectorBytes)))
    if (answer !== 'ok') return at / sectorBytes
  }
  throw new Error(`a read of ${length} bytes at ${from} failed, and every sector of it can be read`)
}
