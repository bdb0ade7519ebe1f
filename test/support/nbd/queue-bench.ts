/** What the body of a queue's thread works with. Nothing here waits for ever: a thread that sleeps in a system call cannot be ended. */
import type { NbdQueue as Queue } from '../../../src/nbd/client/nbd-queue.js'
import { NbdQueue } from '../../../src/nbd/client/nbd-queue.js'
import { parseNbdUri } from '../../../src/nbd/parse-uri.js'
import { command } from '../../../src/nbd/protocol.js'

export { command }

export interface QueueBench {
  readonly queue: Queue
  readonly slots: readonly Uint8Array[]
  /** Waits for so many answers; errors by slot. */
  take(count: number): Record<number, number>
}

const patienceMs = 15_000

/** A queue whose slots have these lengths. */
export function connect(uri: string, slotBytes: readonly number[], handshakeMs = 5000): QueueBench {
  const memory = new SharedArrayBuffer(slotBytes.reduce((sum, bytes) => sum + bytes, 0))
  let end = 0
  const slots = slotBytes.map((bytes) => {
    end += bytes
    return new Uint8Array(memory, end - bytes, bytes)
  })
  const queue = NbdQueue.connect(parseNbdUri(uri), { handshakeMs, slots })
  const take = (count: number): Record<number, number> => {
    const errors: Record<number, number> = {}
    for (let taken = 0; taken < count; ) {
      const done = queue.wait(patienceMs)
      if (done === 0) throw new Error(`no answer in ${patienceMs} ms; ${queue.inFlight} requests are in flight`)
      for (let index = 0; index < done; index++) {
        errors[queue.completed[index] as number] = queue.errno[index] as number
      }
      taken += done
    }
    return errors
  }
  return { queue, slots, take }
}

/** Bytes that say where they belong. */
export function fill(bytes: Uint8Array, byteOffset: number): void {
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2)
  for (let index = 0; index < words.length; index++) words[index] = (byteOffset / 4 + index) ^ 0x5bd1_e995
}

/** Where the first byte is that `fill` would not have put there; -1 if there is none. */
export function firstWrong(bytes: Uint8Array, byteOffset: number): number {
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2)
  return words.findIndex((word, index) => word !== ((byteOffset / 4 + index) ^ 0x5bd1_e995) >>> 0)
}
