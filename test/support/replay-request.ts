/**
 * One recorded request on a volume: doing it, and putting what comes of it into the words of a recording.
 */

import { createHash } from 'node:crypto'
import type { VolumeUnderTest } from './engine-under-test.js'
import { patternBytes } from './pattern.js'
import type { RequestRecord } from './recording.js'

const readBytesMax = 1 << 20

/** `ok`, or the code of the error. An error without a code is no answer: it ends the replay. */
export async function answerOf(action: () => Promise<void>): Promise<string> {
  try {
    await action()
    return 'ok'
  } catch (error) {
    if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code
    throw error
  }
}

export async function performRequest(volume: VolumeUnderTest, record: RequestRecord): Promise<Uint8Array | undefined> {
  const { op, off, len, salt = 0 } = record
  if (op === 'f') await volume.flush()
  else if (op === 'r') return volume.read(off * 512, len * 512)
  else if (op === 'd') await volume.discard(off * 512, len * 512)
  else if (op === 'zo') await volume.writeZeroes(off * 512, len * 512)
  else if (op === 'z') await volume.write(off * 512, new Uint8Array(len * 512))
  else await volume.write(off * 512, patternBytes(off, len, salt))
  if (op === 'ws') await volume.flush()
  return undefined
}

/** The kernel has one errno for what has a code each here; the status tells which. */
export function expectedAnswer(recorded: string, status: string | undefined): string {
  if (recorded === 'EOPNOTSUPP') return 'NOT_SUPPORTED'
  if (recorded !== 'EIO') return recorded
  if (status === 'Overflow') return 'SNAPSHOT_OVERFLOW'
  return status === 'Invalid' ? 'SNAPSHOT_INVALID' : 'IO_ERROR'
}

export async function* blocks(volume: VolumeUnderTest, bytes: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes; at += readBytesMax) yield await volume.read(at, Math.min(readBytesMax, bytes - at))
}

/** The md5 of a whole device, or `EIO@SECTOR` where it cannot be read. */
export async function digest(volume: VolumeUnderTest, bytes: number): Promise<string> {
  const hash = createHash('md5')
  let read = 0
  const answer = await answerOf(async () => {
    for await (const block of blocks(volume, bytes)) {
      hash.update(block)
      read += block.length
    }
  })
  return answer === 'ok' ? hash.digest('hex') : `EIO@${read / 512}`
}
