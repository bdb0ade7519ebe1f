/** What requests in place wait for, on whose thread, and what is left of one that was given up. */
import { truncateSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { Engine } from 'cowring'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { errorCodeOf } from '../../src/base/errors.js'
import { AttachedVolume } from '../../src/seat/attached-volume.js'
import { SeatRequests } from '../../src/seat/seat-requests.js'
import { SectorLock, sectorLockBytes } from '../../src/shm/sector-lock.js'
import { AttachedThread } from '../support/attached-thread.js'
import { handChunkBytes, seatByHand } from '../support/seat-by-hand.js'

const memory = (bytes: number) => ({ memory: new Uint8Array(new SharedArrayBuffer(bytes)) })
const chunkBytes = 4096
const sizeBytes = 2 ** 21
const filled = (byteLength: number, value: number) => new Uint8Array(byteLength).fill(value)
const someTime = () => new Promise<void>((resolve) => setTimeout(resolve, 20))

async function started(options: Parameters<typeof Engine.start>[0] = {}) {
  const engine = await Engine.start({ workers: 1, arenaBytes: 2 ** 26, ...options })
  const origin = await engine.open(memory(sizeBytes), { name: 'disk' })
  return { engine, origin, [Symbol.asyncDispose]: () => engine.close() }
}

describe('a store that is full and can be extended', () => {
  async function withSmallCow() {
    const started_ = await started({ mapper: { autoExtend: { threshold: 70, percent: 20 } } })
    const folder = await mkdtemp(join(tmpdir(), 'cowring-seat-'))
    const cow = join(folder, 'cow')
    writeFileSync(cow, '')
    truncateSync(cow, 2 ** 18)
    const snapshot = await started_.origin.snapshot({ cow, name: 's', chunkSectors: 8, durability: 'process-crash' })
    const end = async () => {
      await started_.engine.close()
      await rm(folder, { recursive: true })
    }
    return { ...started_, snapshot, [Symbol.asyncDispose]: end }
  }

  test('is extended while an attached thread writes and nobody else does anything', async () => {
    await using set = await withSmallCow()
    await using thread = await AttachedThread.start(set.engine, set.origin.deviceName)
    const chunks = sizeBytes / chunkBytes
    const body = `for (let chunk = 0; chunk < ${chunks}; chunk++) volume.writeSync(chunk * ${chunkBytes}, new Uint8Array(512))`
    expect(await thread.run(body)).toEqual({ result: undefined })
    expect(set.snapshot.usage().exceptions).toBe(chunks)
  })

  test('is extended for a request in place on the thread that has to do it', async () => {
    await using set = await withSmallCow()
    let isRefused = false
    set.engine.mapper.on('event', () => {
      // Told in the middle of a request in place, of which there can be one at a time.
      try {
        set.origin.readSync(0, 512)
      } catch (error) {
        isRefused = (error as { code?: string }).code === 'DEVICE_BUSY'
      }
    })
    for (let chunk = 0; chunk < sizeBytes / chunkBytes; chunk++)
      set.origin.writeSync(chunk * chunkBytes, filled(512, 1))
    expect(isRefused).toBe(true)
    expect(set.snapshot.usage().exceptions).toBe(sizeBytes / chunkBytes)
    expect(set.snapshot.status()).not.toBe('Invalid')
  })
})

describe('a request in place that is given up', () => {
  afterEach(() => {
    vi.restoreAllMocks()
  })

  function stalled() {
    let stalls = 0
    const onStalled = () => {
      stalls++
    }
    const set = seatByHand({ msMax: 20, onWaiting: () => {}, onStalled })
    const requests = new SeatRequests(set.seat, (device) => (set.seat.isInside ? 999 : set.seat.tryEnter(device)))
    const stripe = set.locks.stripeOf(0, 1)
    set.locks.tryHold(stripe, 99)
    return { ...set, requests, stripe, stalls: () => stalls }
  }

  test('keeps its device from being drained until it is over, whatever is asked meanwhile', async () => {
    const { device, gate, locks, memory: shared, requests, seat, seats, stripe } = stalled()
    expect(requests.write(device, chunkBytes, filled(chunkBytes, 1))).not.toBe(0)
    let isDrained = false
    void gate.hold().then(() => {
      isDrained = true
    })
    const inArena = new Uint8Array(shared.arena, 0, 512)
    expect(requests.read(device, 0, inArena)).toBe(999)
    expect(requests.write(device, 0, inArena)).toBe(999)
    seats.settle()
    await someTime()
    expect(isDrained).toBe(false)
    locks.release(stripe)
    while (!seat.goOn());
    seats.settle()
    await someTime()
    expect(isDrained).toBe(true)
  })

  test('has no chunk saved twice, wherever its time was over', () => {
    const { cursor, device, locks, requests, seat, stripe } = stalled()
    // The copy takes longer than may be waited.
    const now = performance.now.bind(performance)
    vi.spyOn(performance, 'now').mockImplementation(() => now() + (cursor.claimed() > 0 ? 60_000 : 0))
    requests.write(device, 0, filled(3 * handChunkBytes, 1))
    locks.release(stripe)
    while (seat.isStalled && !seat.goOn());
    expect([cursor.claimed(), cursor.committed()]).toEqual([3, 3])
    expect(locks.heldCount()).toBe(0)
  })

  test('is given up also while it waits for room to begin more', () => {
    const { device, locks, memory: shared, requests, seat, stalls, stripe } = stalled()
    // So many that the table of what is in hand is full of them.
    seat.enter(device)
    const tags = 1023
    for (let tag = 1; tag <= tags && !seat.isStalled; tag++) seat.beginWrite(tag, seat.bufferOffset, 512, chunkBytes)
    seat.finish()
    expect([seat.isStalled, stalls()]).toEqual([true, 1])
    expect(requests.read(device, 0, new Uint8Array(shared.arena, 0, 512))).toBe(999)
    locks.release(stripe)
    while (!seat.goOn());
    expect(locks.heldCount()).toBe(0)
  })
})

test('when the engine has failed, what waits for its workers ends, and nobody waits for that', async () => {
  const { device, gate, locks, number, seat, seats } = seatByHand()
  locks.tryHold(locks.stripeOf(0, 0), 99)
  seat.enter(device)
  seat.beginWrite(1, seat.bufferOffset, 512, 0)
  seats.post(number, { kind: 'stop' }, [])
  seat.finish()
  expect(errorCodeOf(seat.status[1] as number)).toBe('WORKER_DIED')
  seat.leave()
  await gate.hold()
  gate.open()
  expect(errorCodeOf(seat.enter(device))).toBe('WORKER_DIED')
})

test('what the coordinator tells is heard without a request, so that it can be forgotten', async () => {
  await using set = await started()
  const { engine, origin } = set
  origin.readSync(0, 512)
  const [seat] = engine.machinery.seats.taken
  const snapshot = await origin.snapshot({ cow: memory(2 * sizeBytes), name: 's', chunkSectors: 8 })
  await snapshot.remove()
  await someTime()
  expect(engine.machinery.client.signals.hasMail(seat as number)).toBe(false)
})

test('an asynchronous request does not stop its thread, also if the device is suspended after others were let in', async () => {
  const { device, gate, seat } = seatByHand()
  const requests: SeatRequests = new SeatRequests(seat, (asked) =>
    requests.waits ? seat.enter(asked) : seat.tryEnter(asked),
  )
  const write = requests.write.bind(requests)
  requests.write = (...request) => {
    requests.write = write
    const status = write(...request)
    void gate.hold()
    return status
  }
  const opened = { device, name: 'disk', sizeBytes: 2 ** 18, readOnly: false }
  const volume = new AttachedVolume({ seat, requests, opened, keepAlive: () => () => {}, onClose: async () => {} })
  let isOver = false
  const both = [volume.write(0, filled(512, 1)), volume.write(512, filled(512, 2))]
  void both[1]?.then(() => {
    isOver = true
  })
  await both[0]
  await someTime()
  expect(isOver).toBe(false)
  gate.open()
  await both[1]
  expect(volume.readSync(0, 1024)).toEqual(new Uint8Array([...filled(512, 1), ...filled(512, 2)]))
})

test('the lock of sectors that a dead thread had freed, and told nobody of, is got by those who wait', async () => {
  const shared = new SharedArrayBuffer(sectorLockBytes)
  const words = new Int32Array(shared)
  words[0] = 7
  const source = `
    const { workerData } = require('node:worker_threads')
    Atomics.wait(workerData, 0, 7)`
  const worker = new Worker(source, { eval: true, workerData: words })
  const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
  await new Promise<void>((resolve) => worker.once('online', resolve))
  await someTime()
  Atomics.store(words, 0, 0)
  new SectorLock(shared).release(7)
  await ended
})

test('bytes of a thread that ended are not given to others while a worker is at them', async () => {
  await using set = await started()
  const { engine, origin } = set
  const lower = await origin.snapshot({ cow: memory(2 * sizeBytes), name: 'lower', chunkSectors: 8 })
  await engine.mapper.create('upper', `0 ${sizeBytes / 512} snapshot-origin /dev/mapper/${lower.deviceName}`)
  const { allocator, client } = engine.machinery
  const before = allocator.takenCount()
  const thread = await AttachedThread.start(engine, 'upper')
  const begin = client.begin.bind(client)
  const passedOn = new Promise<() => void>((resolve) => {
    client.begin = (transfer) => {
      client.begin = begin
      resolve(() => begin(transfer))
    }
  })
  void thread.run('volume.writeSync(0, new Uint8Array(4096).fill(9))').catch(() => {})
  const carryOn = await passedOn
  await thread.worker.terminate()
  await someTime()
  expect(allocator.takenCount()).toBe(before + 2)
  carryOn()
  while (allocator.takenCount() > before) await someTime()
  await engine.machinery.recovered()
  expect(engine.machinery.seats.taken).toEqual([])
})

test('a pending request keeps its thread from ending, whatever else ends', async () => {
  await using set = await started()
  const { engine, origin } = set
  const token = engine.share()
  const source = `
    const { workerData } = require('node:worker_threads')
    import('cowring').then(async ({ Engine }) => {
      const attached = Engine.attach(workerData.token)
      const volume = await attached.open(workerData.device)
      Atomics.store(workerData.words, 0, 1)
      while (Atomics.load(workerData.words, 1) === 0) await new Promise((resolve) => setTimeout(resolve, 1))
      const write = volume.write(0, new Uint8Array(512).fill(4))
      await attached.open('nothing').catch(() => {})
      Atomics.store(workerData.words, 0, 2)
      await write
    })`
  const words = new Int32Array(new SharedArrayBuffer(8))
  const workerData = { token, device: origin.deviceName, words }
  const worker = new Worker(source, { eval: true, workerData, transferList: [token.port] })
  const ended = new Promise<number>((resolve) => worker.once('exit', resolve))
  const reaches = async (value: number) => {
    while (Atomics.load(words, 0) < value) await someTime()
  }
  await reaches(1)
  await engine.mapper.suspend(origin.deviceName)
  Atomics.store(words, 1, 1)
  await reaches(2)
  await someTime()
  await engine.mapper.resume(origin.deviceName)
  await ended
  expect(origin.readSync(0, 512)).toEqual(filled(512, 4))
})

test('a seat that is given back in the middle of a batch is finished by a worker', async () => {
  await using set = await started()
  const { engine, origin } = set
  await origin.snapshot({ cow: memory(2 * sizeBytes), name: 's', chunkSectors: 8 })
  const token = engine.share()
  const source = `
    const { workerData } = require('node:worker_threads')
    Promise.all([import(workerData.module), import('cowring')]).then(async ([{ Seat }, { Engine }]) => {
      const seat = Seat.take(workerData.token)
      seat.enter(workerData.device)
      seat.beginWrite(1, seat.bufferOffset, 512, 0)
      seat.close()
      setInterval(() => {}, 1000)
    })`
  const module = new URL('../../dist/src/seat/seat.js', import.meta.url).href
  const device = origin.deviceNumber()
  const worker = new Worker(source, { eval: true, workerData: { token, device, module }, transferList: [token.port] })
  while (engine.machinery.seats.isAtRest(token.start.worker)) await someTime()
  while (engine.machinery.seats.taken.includes(token.start.worker)) await someTime()
  await origin.write(0, filled(512, 3))
  await engine.mapper.suspend(origin.deviceName)
  await engine.mapper.resume(origin.deviceName)
  await worker.terminate()
})

test('nothing is read and written in place as by the asynchronous requests', async () => {
  await using set = await started()
  const { engine, origin } = set
  const none = engine.alloc(4096).subarray(0, 0)
  origin.readSync(0, 512)
  origin.writeSync(0, none)
  expect(origin.readSync(sizeBytes, none)).toHaveLength(0)
  expect(origin.readSync(0, 0)).toHaveLength(0)
})
