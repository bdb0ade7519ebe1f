/** The client of the copies: nbdcopy to nowhere, one copy after the other until the time is up. The first one is not counted. */
import { run } from './programs.js'

export interface CopyFigures {
  readonly byteCount: number
  readonly seconds: number
}

/** Starting nbdcopy and connecting is part of the time: some milliseconds in some hundreds. */
export async function copyToNowhere(
  uri: string,
  imageBytes: number,
  connections: number,
  seconds: number,
): Promise<CopyFigures> {
  const words = [`--connections=${connections}`, '--request-size=1048576', uri, 'null:']
  await run('nbdcopy', words)
  let byteCount = 0
  const begin = performance.now()
  for (;;) {
    await run('nbdcopy', words)
    byteCount += imageBytes
    const passed = (performance.now() - begin) / 1000
    if (passed >= seconds) return { byteCount, seconds: passed }
  }
}
