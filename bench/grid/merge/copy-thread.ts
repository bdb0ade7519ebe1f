/**
 * The floor of a merge: one loop through the engine's own system-call layer that reads each range of the COW and writes it to the
 * origin, and a barrier at the end. It keeps no list and lets nobody else work meanwhile. Its buffer is touched beforehand.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { assert, present } from '../../../src/base/assert.js'
import { blockFileFrom } from '../../../src/io/make-block-file.js'
import { createArenaMemory } from '../../../src/shm/arena.js'
import { copyBytes } from '../../../src/wire/scratch-layout.js'
import { rangeNumbers } from './arrangement.js'
import type { CopyJob } from './copy-job.js'

const job: CopyJob = workerData
const port = present(parentPort ?? undefined, 'the floor runs on a worker thread')
const arena = new Uint8Array(createArenaMemory(copyBytes)).fill(1)
/** The floor does not look whether a file has become shorter. */
const oneTurn = { count: 0 }
const cow = blockFileFrom(job.cow, arena, undefined, oneTurn)
const origin = blockFileFrom(job.origin, arena, undefined, oneTurn)

port.on('message', () => port.postMessage(copyAll()))

/** How many seconds it took. */
function copyAll(): number {
  const { ranges } = job
  const startedMs = performance.now()
  for (let at = 0; at < ranges.length; at += rangeNumbers) {
    const byteLength = ranges[at + 2] as number
    must(cow.read(0, byteLength, ranges[at] as number))
    must(origin.write(0, byteLength, ranges[at + 1] as number))
  }
  must(origin.barrier())
  return (performance.now() - startedMs) / 1000
}

function must(errno: number): void {
  assert(errno === 0, `a system call of the floor failed with errno ${errno}`)
}
