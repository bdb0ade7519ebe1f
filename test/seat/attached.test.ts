/** Requests on threads that have a seat in the engine. */
import { Engine } from 'cowring'
import { expect, test } from 'vitest'
import { AttachedThread } from '../support/attached-thread.js'

const memory = (bytes: number) => ({ memory: new Uint8Array(new SharedArrayBuffer(bytes)) })
const chunkBytes = 4096
const sizeBytes = 2 ** 21
const chunks = sizeBytes / chunkBytes
const filled = (byteLength: number, value: number) => new Uint8Array(byteLength).fill(value)

async function started() {
  const engine = await Engine.start({ workers: 1, arenaBytes: 2 ** 26 })
  const origin = await engine.open(memory(sizeBytes), { name: 'disk' })
  return { engine, origin, [Symbol.asyncDispose]: () => engine.close() }
}
type Origin = Awaited<ReturnType<typeof started>>['origin']
const take = (origin: Origin, name: string) =>
  origin.snapshot({ cow: memory(2 * sizeBytes), name, chunkSectors: 8, durability: 'process-crash' })

/** Writes a growing number into every chunk, over and over, and says in word 0 how many rounds it has done. */
const endlessWriter = `
  for (let round = 1; words[1] === 0; round++) {
    for (let chunk = 0; chunk < ${chunks}; chunk++) volume.writeSync(chunk * ${chunkBytes}, new Uint8Array(512).fill(round & 255))
    Atomics.store(words, 0, round)
  }
`

test('an attached thread reads and writes the same volumes, sync and async', async () => {
  await using started_ = await started()
  const { engine, origin } = started_
  await origin.write(0, filled(chunkBytes, 5))
  await using thread = await AttachedThread.start(engine, origin.deviceName)
  expect((await thread.run('return volume.readSync(0, 512)')).result).toEqual(filled(512, 5))
  expect(
    (await thread.run('volume.writeSync(512, new Uint8Array(512).fill(6)); volume.flushSync()')).code,
  ).toBeUndefined()
  expect(origin.readSync(512, 512)).toEqual(filled(512, 6))
  const told = await thread.run(
    'await Promise.all([1, 2, 3].map((n) => volume.write(n * 4096, new Uint8Array(4096).fill(n)))); return volume.read(8192, 512)',
  )
  expect(told.result).toEqual(filled(512, 2))
  expect((await thread.run('volume.writeZeroesSync(4096, 4096); return volume.readSync(4096, 512)')).result).toEqual(
    filled(512, 0),
  )
  expect(await thread.run('volume.readSync(3, 512)')).toMatchObject({ code: 'INVALID_ARGUMENT' })
})

test('a snapshot taken while attached threads write is of one instant on all of them', async () => {
  await using started_ = await started()
  const { engine, origin } = started_
  await using first = await AttachedThread.start(engine, origin.deviceName)
  await using second = await AttachedThread.start(engine, origin.deviceName)
  // Each writes its own sector of every chunk.
  const writers = [first, second].map((thread, index) =>
    thread.run(endlessWriter.replaceAll(`* ${chunkBytes},`, `* ${chunkBytes} + ${index} * 512,`)),
  )
  await Promise.all([first.reaches(0, 2), second.reaches(0, 2)])
  for (let taken = 0; taken < 4; taken++) {
    const snapshot = await take(origin, `s${taken}`)
    const held = [first, second].map(({ words }) => Atomics.load(words, 0))
    const before = await snapshot.read(0, sizeBytes)
    await Promise.all([first, second].map((thread, index) => thread.reaches(0, (held[index] as number) + 2)))
    expect(Buffer.compare(before, await snapshot.read(0, sizeBytes))).toBe(0)
    // A round goes through the chunks in order, so each writer's sectors are of two rounds at most, and fall once.
    for (const index of [0, 1]) {
      const rounds = Array.from({ length: chunks }, (_, chunk) => before[chunk * chunkBytes + index * 512] as number)
      const falls = rounds.filter((round, chunk) => chunk > 0 && round !== rounds[chunk - 1])
      expect(falls.length).toBeLessThanOrEqual(1)
    }
  }
  for (const { words } of [first, second]) Atomics.store(words, 1, 1)
  await Promise.all(writers)
  expect(engine.machinery.heldLocks()).toBe(0)
})

test('suspending stops attached threads, whose requests wait and are not lost', async () => {
  await using started_ = await started()
  const { engine, origin } = started_
  await using thread = await AttachedThread.start(engine, origin.deviceName)
  const writing = thread.run(endlessWriter)
  await thread.reaches(0, 1)
  await engine.mapper.suspend(origin.deviceName)
  const before = Atomics.load(thread.words, 0)
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(Atomics.load(thread.words, 0)).toBe(before)
  await engine.mapper.resume(origin.deviceName)
  await thread.reaches(0, before + 1)
  Atomics.store(thread.words, 1, 1)
  expect(await writing).toEqual({ result: undefined })
})

test('asynchronous requests of a thread wait for a suspended device without stopping the thread', async () => {
  await using started_ = await started()
  const { engine, origin } = started_
  await using thread = await AttachedThread.start(engine, origin.deviceName)
  await engine.mapper.suspend(origin.deviceName)
  const told = thread.run(`
    const write = volume.write(0, new Uint8Array(512).fill(3))
    await new Promise((resolve) => setTimeout(resolve, 20))
    Atomics.store(words, 0, 1)
    await write
  `)
  await thread.reaches(0, 1)
  await engine.mapper.resume(origin.deviceName)
  expect(await told).toEqual({ result: undefined })
  expect(origin.readSync(0, 512)).toEqual(filled(512, 3))
})

test('a thread that dies in the middle of its writes leaves nothing held, and loses no copy', async () => {
  await using started_ = await started()
  const { engine, origin } = started_
  for (let chunk = 0; chunk < chunks; chunk++) origin.writeSync(chunk * chunkBytes, filled(512, 77))
  for (let round = 0; round < 6; round++) {
    const snapshot = await take(origin, `s${round}`)
    const before = await snapshot.read(0, sizeBytes)
    const thread = await AttachedThread.start(engine, origin.deviceName)
    void thread.run(endlessWriter).catch(() => {})
    while (snapshot.usage().exceptions < 20 * round) await new Promise((resolve) => setTimeout(resolve, 1))
    await thread.worker.terminate()
    // Every key must come free again, or these would wait for ever.
    for (let chunk = 0; chunk < chunks; chunk++) await origin.write(chunk * chunkBytes + 512, filled(512, round))
    expect(Buffer.compare(await snapshot.read(0, sizeBytes), before)).toBe(0)
    expect(snapshot.status()).not.toBe('Invalid')
    await snapshot.remove()
    expect(engine.machinery.heldLocks()).toBe(0)
  }
  await engine.machinery.recovered()
  expect(engine.machinery.seats.taken).toHaveLength(1)
})

test('closing the engine ends what attached threads have open, and seats run out with an error', async () => {
  const { engine, origin } = await started()
  await using thread = await AttachedThread.start(engine, origin.deviceName)
  const tokens: ReturnType<Engine['share']>[] = []
  expect(() => {
    for (;;) tokens.push(engine.share())
  }).toThrowError(expect.objectContaining({ code: expect.stringMatching(/LIMIT_EXCEEDED|ARENA_FULL/) }))
  for (const { port } of tokens) port.close()
  await engine.close()
  expect(await thread.run('return volume.readSync(0, 512)')).toMatchObject({ code: 'DEVICE_CLOSED' })
})

test('a stack in which one copy-on-write volume writes to another is served through the workers', async () => {
  await using started_ = await started()
  const { engine, origin } = started_
  const lower = await take(origin, 'lower')
  const { mapper } = engine
  await mapper.create('upper', `0 ${sizeBytes / 512} snapshot-origin /dev/mapper/${lower.deviceName}`)
  await using thread = await AttachedThread.start(engine, 'upper')
  expect(
    (await thread.run('volume.writeSync(4096, new Uint8Array(8192).fill(4)); return volume.readSync(8192, 512)'))
      .result,
  ).toEqual(filled(512, 4))
  expect(await lower.read(4096, 512)).toEqual(filled(512, 4))
  expect(origin.readSync(4096, 512)).toEqual(filled(512, 0))
})

test('a device that is opened again has another number, and its place is used again', async () => {
  await using started_ = await started()
  const { mapper } = started_.engine
  await mapper.create('zeroes', '0 2048 zero')
  const numbers: number[] = []
  for (let round = 0; round < 3; round++) {
    const volume = await mapper.open('zeroes')
    numbers.push(volume.deviceNumber())
    expect(volume.readSync(0, 512)).toEqual(filled(512, 0))
    await volume.close()
  }
  expect(new Set(numbers).size).toBe(3)
  expect(new Set(numbers.map((number) => number % 2 ** 16)).size).toBe(1)
})
