/** What is to be written, in blocks of whole sectors: from a file, or from standard input. */
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { CowringError } from '../../index.js'
import { dataBytesMax } from '../daemon/protocol.js'

const sectorBytes = 512

/** Fails with INVALID_ARGUMENT if the input is no whole number of sectors: of a file, before anything is written. */
export async function* inputBlocks(file: string | undefined): AsyncGenerator<Buffer, void, undefined> {
  if (file !== undefined) {
    const status = await stat(file)
    if (status.isFile()) mustBeWhole(status.size, file)
  }
  let waiting: Buffer[] = []
  let waitingBytes = 0
  for await (const piece of file === undefined ? process.stdin : createReadStream(file)) {
    waiting.push(piece)
    waitingBytes += piece.byteLength
    if (waitingBytes < dataBytesMax) continue
    const bytes = Buffer.concat(waiting)
    let done = 0
    for (; done + dataBytesMax <= bytes.byteLength; done += dataBytesMax)
      yield bytes.subarray(done, done + dataBytesMax)
    waiting = [bytes.subarray(done)]
    waitingBytes = bytes.byteLength - done
  }
  mustBeWhole(waitingBytes, file ?? 'standard input')
  if (waitingBytes > 0) yield Buffer.concat(waiting)
}

function mustBeWhole(byteLength: number, where: string): void {
  if (byteLength % sectorBytes === 0) return
  const text = `${where} ends in the middle of a sector, ${byteLength % sectorBytes} bytes into it; fill it up to ${sectorBytes}`
  throw new CowringError('INVALID_ARGUMENT', text, { byteLength })
}
