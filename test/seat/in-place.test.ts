/** Requests in place on the thread that started the engine. */
import { Engine } from 'cowring'
import { expect, test } from 'vitest'

const memory = (bytes: number) => ({ memory: new Uint8Array(new SharedArrayBuffer(bytes)) })
const chunkBytes = 4096
const sizeBytes = 2 ** 22

async function started() {
  const engine = await Engine.start({ workers: 2, arenaBytes: 2 ** 26 })
  const origin = await engine.open(memory(sizeBytes), { name: 'disk' })
  return { engine, origin, [Symbol.asyncDispose]: () => engine.close() }
}
const take = (origin: Awaited<ReturnType<typeof started>>['origin'], name: string) =>
  origin.snapshot({ cow: memory(2 * sizeBytes), name, chunkSectors: 8, durability: 'process-crash' })
const filled = (byteLength: number, value: number) => new Uint8Array(byteLength).fill(value)

test('what writeSync wrote is seen by read, readSync, and not by a snapshot from before', async () => {
  await using started_ = await started()
  const { engine, origin } = started_
  origin.writeSync(0, filled(3 * chunkBytes, 1))
  const snapshot = await take(origin, 's')
  origin.writeSync(512, filled(chunkBytes, 2))
  expect(origin.readSync(0, 1024)).toEqual(new Uint8Array([...filled(512, 1), ...filled(512, 2)]))
  expect(await origin.read(512, chunkBytes)).toEqual(filled(chunkBytes, 2))
  expect(snapshot.readSync(0, 3 * chunkBytes)).toEqual(filled(3 * chunkBytes, 1))
  expect(snapshot.usage().exceptions).toBe(2)
  snapshot.writeSync(2 * chunkBytes, filled(512, 3))
  expect(snapshot.readSync(2 * chunkBytes, 1024)).toEqual(new Uint8Array([...filled(512, 3), ...filled(512, 1)]))
  expect(origin.readSync(2 * chunkBytes, 512)).toEqual(filled(512, 1))
  origin.flushSync()
  snapshot.flushSync()
  expect(engine.machinery.heldLocks()).toBe(0)
})

test('requests in place and asynchronous ones of the same chunks exclude each other', async () => {
  await using started_ = await started()
  const { engine, origin } = started_
  const snapshot = await take(origin, 's')
  const chunks = sizeBytes / chunkBytes
  const writing: Promise<void>[] = []
  for (let chunk = 0; chunk < chunks; chunk++) {
    writing.push(origin.write(chunk * chunkBytes, filled(512, 1)))
    origin.writeSync(chunk * chunkBytes + 512, filled(512, 2))
    if (chunk % 64 === 63) await Promise.all(writing.splice(0))
  }
  await Promise.all(writing)
  expect(snapshot.usage().exceptions).toBe(chunks)
  expect(Buffer.compare(await snapshot.read(0, sizeBytes), new Uint8Array(sizeBytes))).toBe(0)
  expect(engine.machinery.heldLocks()).toBe(0)
  expect(engine.machinery.allocator.takenCount()).toBe(2 + 2)
})

test('buffers of any length and place are moved whole', async () => {
  await using started_ = await started()
  const { engine, origin } = started_
  const bytes = new Uint8Array(3 * 2 ** 20 + 512).map((_, index) => (index * 7) & 255)
  origin.writeSync(512, bytes)
  expect(Buffer.compare(origin.readSync(512, bytes.length), bytes)).toBe(0)
  const inArena = engine.alloc(bytes.length)
  expect(Buffer.compare(origin.readSync(512, inArena), bytes)).toBe(0)
  engine.free(inArena)
})

test('bad ranges, closed and read-only volumes are refused as by the asynchronous requests', async () => {
  await using started_ = await started()
  const { engine, origin } = started_
  const readOnly = await engine.open(memory(sizeBytes), { readOnly: true })
  expect(() => origin.readSync(1, 512)).toThrowError(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
  expect(() => origin.readSync(sizeBytes, 512)).toThrowError(expect.objectContaining({ code: 'OUT_OF_RANGE' }))
  expect(() => readOnly.writeSync(0, filled(512, 1))).toThrowError(expect.objectContaining({ code: 'READ_ONLY' }))
  await readOnly.close()
  expect(() => readOnly.readSync(0, 512)).toThrowError(expect.objectContaining({ code: 'DEVICE_CLOSED' }))
})

test('on a suspended device they are refused instead of waiting for this thread', async () => {
  await using started_ = await started()
  const { engine, origin } = started_
  origin.writeSync(0, filled(512, 1))
  await engine.mapper.suspend(origin.deviceName)
  expect(() => origin.writeSync(0, filled(512, 2))).toThrowError(expect.objectContaining({ code: 'DEVICE_BUSY' }))
  expect(() => origin.readSync(0, 512)).toThrowError(/is suspended.*asynchronous/)
  await engine.mapper.resume(origin.deviceName)
  expect(origin.readSync(0, 512)).toEqual(filled(512, 1))
})

test('while a snapshot is merged, writes in place are refused and reads show the merge', async () => {
  await using started_ = await started()
  const { origin } = started_
  const snapshot = await take(origin, 's')
  for (let chunk = 0; chunk < 256; chunk++) origin.writeSync(chunk * chunkBytes, filled(512, 9))
  const merge = snapshot.merge({ rateLimit: 2 ** 18 })
  while (merge.state !== 'running') await new Promise((resolve) => setTimeout(resolve, 1))
  // Until its table is in, the device is held.
  for await (const { done } of merge.progress) if (done > 0) break
  expect(() => origin.writeSync(0, filled(512, 2))).toThrowError(expect.objectContaining({ code: 'DEVICE_BUSY' }))
  expect(origin.readSync(0, 512)).toEqual(filled(512, 0))
  await merge.cancel()
})
