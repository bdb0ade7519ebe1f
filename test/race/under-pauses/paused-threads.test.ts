/** The race hunt's pauses reach every thread: the caller's, each worker's, and the successor's of a worker that died. */
import { Engine } from 'cowring'
import { expect, test } from 'vitest'
import { countsOfProcess, slotOf } from '../../support/race/pause-counts.js'

const memory = (bytes: number) => ({ memory: new Uint8Array(new SharedArrayBuffer(bytes)) })

test('the thread of the caller, each worker thread and its successor are paused', async () => {
  await using engine = await Engine.start({ workers: 3, arenaBytes: 2 ** 25 })
  const origin = await engine.open(memory(2 ** 24))
  await origin.snapshot({ cow: memory(2 ** 26), chunkSectors: 1, durability: 'process-crash' })
  const { pool } = engine.machinery
  const counts = countsOfProcess()
  const pausesOf = (threadId: number) => Atomics.load(counts, slotOf(threadId))
  const workers = () => pool.threads.map((thread) => (thread as unknown as { threadId: number }).threadId)
  const untilAllArePaused = async () => {
    while (![0, ...workers()].every((threadId) => pausesOf(threadId) > 10)) {
      const offsets = Array.from({ length: 256 }, (_, region) => region * 65536)
      await Promise.all(offsets.map((offset) => origin.write(offset, new Uint8Array(512))))
    }
  }
  await untilAllArePaused()
  const first = workers()
  expect(new Set(first).size).toBe(3)
  await pool.threads[0]?.terminate()
  await engine.machinery.recovered()
  while (workers().every((threadId) => first.includes(threadId))) await new Promise(setImmediate)
  await untilAllArePaused()
  const all = [0, ...new Set([...first, ...workers()])]
  expect(all).toHaveLength(5)
  console.log(`pauses: ${all.map((threadId) => `thread ${threadId}: ${pausesOf(threadId)}`).join(', ')}`)
})
