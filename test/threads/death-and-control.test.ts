/** Control operations beside dying threads: an origin changes only when what the dead left has been finished. */
import { Engine } from 'cowring'
import { expect, test } from 'vitest'
import { deadly } from './deadly.js'

const memory = (bytes: number) => ({ memory: new Uint8Array(new SharedArrayBuffer(bytes)) })
const chunkBytes = 4096
const chunks = 2048

test('snapshots taken while workers die under load leave no exception twice', async () => {
  const engine = await Engine.start({ workers: 2, arenaBytes: 2 ** 25 })
  const image = memory(chunks * chunkBytes)
  const origin = await engine.open(image)
  const first = memory(2 * chunks * chunkBytes)
  await origin.snapshot({ cow: first, name: 'first', chunkSectors: 8, durability: 'process-crash' })
  const writing = Array.from({ length: chunks }, (_, chunk) =>
    origin.write(chunk * chunkBytes, new Uint8Array(512).fill(1)).catch(() => {}),
  )
  // Larger chunks than the first's: the key changes, and with it the stripes that a dead worker's keys are held under.
  for (let round = 0; round < 6; round++) {
    await Promise.all(engine.machinery.pool.threads.map((thread) => thread.terminate()))
    const cow = memory(4 * chunks * chunkBytes)
    await origin.snapshot({ cow, name: `later-${round}`, chunkSectors: 16 << round, durability: 'process-crash' })
    for (let chunk = round; chunk < chunks; chunk += 7) {
      writing.push(origin.write(chunk * chunkBytes, new Uint8Array(512).fill(2)).catch(() => {}))
    }
  }
  await Promise.all(writing)
  expect(engine.machinery.heldLocks()).toBe(0)
  await engine.close()

  // The loader refuses a list that names a chunk twice.
  const again = await Engine.start({ workers: 1, arenaBytes: 2 ** 25 })
  const reopened = await again.open({ memory: new Uint8Array(new SharedArrayBuffer(chunks * chunkBytes)) })
  const snapshot = await reopened.snapshot({ cow: first })
  expect(snapshot.usage().exceptions).toBeGreaterThan(0)
  await again.close()
})

test('an origin does not change before the death of a worker has been dealt with', async () => {
  await using engine = await Engine.start({ workers: 1, arenaBytes: 2 ** 25 })
  const origin = await engine.open(memory(2 ** 20))
  let finishRecovery = () => {}
  const recovery = new Promise<void>((resolve) => {
    finishRecovery = resolve
  })
  engine.machinery.recovered = () => recovery
  let taken = false
  const taking = origin.snapshot({ cow: memory(2 ** 21) }).then(() => {
    taken = true
  })
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect([taken, origin.snapshots.length]).toEqual([false, 0])
  finishRecovery()
  await taking
  expect(origin.snapshots).toHaveLength(1)
})

test('when workers keep dying the engine fails its requests instead of hanging, and closes', async () => {
  const engine = await Engine.start({ workers: 2, arenaBytes: 2 ** 25 })
  const origin = await engine.open(memory(chunks * chunkBytes))
  await origin.snapshot({ cow: memory(2 * chunks * chunkBytes), chunkSectors: 8, durability: 'process-crash' })
  const { client, pool } = engine.machinery
  // A message's promise resolves when its worker has died of it.
  const killAgainAndAgain = async (worker: number) => {
    while (!client.failed) await pool.send(worker, deadly)
  }
  void killAgainAndAgain(0)
  void killAgainAndAgain(1)
  let code = ''
  while (code === '' || !client.failed) {
    const outcomes = await Promise.allSettled(
      Array.from({ length: 64 }, (_, index) => origin.write(index * chunkBytes, new Uint8Array(512))),
    )
    const failed = outcomes.find((outcome) => outcome.status === 'rejected')
    if (failed?.status === 'rejected') code = failed.reason.code
  }
  expect(code).toBe('WORKER_DIED')
  await engine.close()
})

test('an idle engine closes at once', async () => {
  const engine = await Engine.start({ workers: 4 })
  await engine.open(memory(2 ** 20))
  const before = performance.now()
  await engine.close()
  // Far more than it takes, far less than the sleep of a worker that missed its bell.
  expect(performance.now() - before).toBeLessThan(10_000)
})

test('what is sent to a worker between its death and its successor holds nothing up', async () => {
  const engine = await Engine.start({ workers: 2, arenaBytes: 2 ** 25 })
  const origin = await engine.open(memory(2 ** 20))
  await origin.write(0, new Uint8Array(512))
  const { pool } = engine.machinery
  let restarted = false
  const restart = pool.restart.bind(pool)
  pool.restart = (worker) => {
    restarted = true
    restart(worker)
  }
  const sent = [pool.send(0, deadly)]
  while (!restarted) {
    sent.push(pool.send(0, { kind: 'sync' }))
    await new Promise(setImmediate)
  }
  const settled = Promise.all([...sent, engine.machinery.recovered()]).then(() => 'settled')
  const stuck = new Promise((resolve) => setTimeout(resolve, 20_000, 'stuck'))
  const outcome = await Promise.race([settled, stuck])
  if (outcome === 'settled') await engine.close()
  expect(outcome).toBe('settled')
})

test('closing settles what a worker was sent and died before carrying out', async () => {
  const engine = await Engine.start({ workers: 2, arenaBytes: 2 ** 25 })
  const { pool } = engine.machinery
  const sent = Promise.all([pool.send(0, deadly), pool.send(0, { kind: 'sync' })]).then(() => 'settled')
  await pool.close()
  const stuck = new Promise((resolve) => setTimeout(resolve, 1000, 'stuck'))
  expect(await Promise.race([sent, stuck])).toBe('settled')
  await engine.close()
})
