/** What happens to the device while clients are connected: suspended, snapshotted, merged, removed, closed. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { nbdError } from '../../src/nbd/protocol.js'
import { HungUp } from '../support/nbd/byte-stream.js'
import type { NbdClient } from '../support/nbd/client.js'
import { mebibyte, pattern } from '../support/nbd/images.js'
import { flushOf, readOf, writeOf } from '../support/nbd/requests.js'
import { type Served, serve } from '../support/nbd/served.js'

const size = 8 * mebibyte
let served: Served

beforeEach(async () => {
  served = await serve({ byteLength: size, snapshots: [{ name: 'before', chunkSectors: 8 }] })
})
afterEach(() => served.close())

const soon = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds))

describe('a suspended device', () => {
  it('has requests wait, and loses none', async () => {
    const [one, two] = [await served.connect(), await served.connect()]
    await one.write(0, pattern(0, 4096, 2))
    await served.engine.mapper.suspend(served.origin.deviceName)
    const waiting = [
      ...one.submitAll(
        Array.from({ length: 100 }, (_, index) => writeOf(index * 4096, pattern(index * 4096, 4096, 3))),
      ),
      two.submit(readOf(mebibyte, 4096)),
      two.submit(flushOf()),
    ]
    await soon(150)
    expect(one.inFlight).toBe(100)
    await served.engine.mapper.resume(served.origin.deviceName)
    for (const { error } of await Promise.all(waiting)) expect(error).toBe(0)
    expect((await two.read(0, 409_600)).equals(pattern(0, 409_600, 3))).toBe(true)
  })

  it('time and again, under load of four connections', async () => {
    const load = await loadOf(4)
    for (let round = 0; round < 15; round++) {
      await served.engine.mapper.suspend(served.origin.deviceName)
      await soon(round % 3)
      await served.engine.mapper.resume(served.origin.deviceName)
      await soon(5)
    }
    await load.end()
  })

  it('does not keep clients of other devices waiting', async () => {
    const snapshot = await served.connect({ name: 'before' })
    await served.engine.mapper.suspend(served.origin.deviceName)
    const other = await served.connect({ name: 'before' })
    expect((await other.read(0, 4096)).equals(pattern(0, 4096, 1))).toBe(true)
    await served.engine.mapper.resume(served.origin.deviceName)
    await snapshot.disconnect()
  })
})

const slots = 16
const slotBytes = 8192

interface Load {
  /** The last round that each client was answered in full. */
  readonly answered: number[]
  /** The round that each client last began. */
  readonly begun: number[]
  end(): Promise<void>
}

/** Clients that write the number of their round to slots of their own, each slot after the one before it was answered. */
async function loadOf(count: number): Promise<Load> {
  const clients = await Promise.all(Array.from({ length: count }, () => served.connect()))
  const answered = clients.map(() => 0)
  const begun = clients.map(() => 0)
  let isOver = false
  const running = clients.map(async (client, own) => {
    for (let round = 1; !isOver; round++) {
      begun[own] = round
      for (let slot = 0; slot < slots; slot++) await client.write(slotAt(own, slot), stamped(own, round))
      answered[own] = round
    }
  })
  return {
    answered,
    begun,
    end: async () => {
      isOver = true
      await Promise.all(running)
      for (const client of clients) await client.disconnect()
    },
  }
}

const slotAt = (own: number, slot: number): number => (slot * 4 + own) * slotBytes

function stamped(own: number, round: number): Buffer {
  const bytes = Buffer.alloc(slotBytes)
  for (let at = 0; at < slotBytes; at += 512) {
    bytes.writeUInt32LE(round, at)
    bytes.writeUInt32LE(own + 1, at + 4)
  }
  return bytes
}

/** The rounds that each slot of a client shows; each sector of a slot must show the same, but for the one being written. */
async function roundsIn(snapshot: NbdClient, own: number): Promise<number[]> {
  const rounds: number[] = []
  for (let slot = 0; slot < slots; slot++) {
    const found = await snapshot.read(slotAt(own, slot), slotBytes)
    for (let at = 0; at < slotBytes; at += 512) {
      const isStamped = found.readUInt32LE(at + 4) === own + 1
      const isOld = found.subarray(at, at + 512).equals(pattern(slotAt(own, slot) + at, 512, 1))
      expect(isStamped || isOld).toBe(true)
      rounds.push(isOld ? 0 : found.readUInt32LE(at))
    }
  }
  return rounds
}

describe('a snapshot that is taken while four connections write', () => {
  it('has what was answered before, nothing that was sent after, and no write before an earlier one', async () => {
    const load = await loadOf(4)
    const taken: { name: string; answered: number[]; begun: number[] }[] = []
    for (let count = 0; count < 5; count++) {
      const rounds = Math.min(...load.answered) + 2
      while (Math.min(...load.answered) < rounds) await soon(5)
      const answered = [...load.answered]
      await served.snapshot(`live-${count}`)
      taken.push({ name: `live-${count}`, answered, begun: [...load.begun] })
    }
    await soon(50)
    await load.end()
    for (const { answered, begun, name } of taken) {
      const snapshot = await served.connect({ name })
      for (let own = 0; own < 4; own++) {
        const rounds = await roundsIn(snapshot, own)
        const [first = 0, last = 0] = [rounds[0], rounds.at(-1)]
        expect(last).toBeGreaterThanOrEqual(answered[own] ?? 0)
        expect(first).toBeLessThanOrEqual(begun[own] ?? 0)
        // Slots are written in order: later ones are never ahead, and at most one round behind.
        expect(rounds.every((round, index) => index === 0 || slotOrder(rounds, index, round))).toBe(true)
        expect(first - last).toBeLessThanOrEqual(1)
      }
      await snapshot.disconnect()
    }
  })
})

/** Within the slot that is being written sectors may be of either round; from slot to slot rounds do not go up. */
function slotOrder(rounds: readonly number[], index: number, round: number): boolean {
  const sectors = slotBytes / 512
  const slotBefore = Math.floor(index / sectors) * sectors - 1
  return slotBefore < 0 || round <= (rounds[slotBefore] ?? 0)
}

describe('a merge', () => {
  it('goes on under clients, who read and write what they should', async () => {
    const [origin, snapshot] = [await served.connect(), await served.connect({ name: 'before' })]
    await snapshot.write(mebibyte, pattern(mebibyte, mebibyte, 5))
    await snapshot.disconnect()
    const merge = served.origin.snapshots[0]?.merge()
    const reads: Promise<Buffer>[] = []
    for (let round = 0; round < 50; round++) reads.push(origin.read(2 * mebibyte, 65536))
    for (const found of await Promise.all(reads)) expect(found.equals(pattern(2 * mebibyte, 65536, 1))).toBe(true)
    await merge?.finished
    expect((await origin.read(mebibyte, mebibyte)).equals(pattern(mebibyte, mebibyte, 5))).toBe(true)
    await origin.write(0, pattern(0, 4096, 6))
    await origin.disconnect()
  })
})

/** What a client learns of a device that is gone: an error that says so, or its connection's end. */
async function isGone(client: NbdClient): Promise<void> {
  const outcome = await client.submit(readOf(0, 512)).then(
    ({ error }) => error,
    (error: unknown) => (error instanceof HungUp ? 'hung up' : error),
  )
  expect([nbdError.shutdown, 'hung up']).toContain(outcome)
}

describe('a device that goes', () => {
  it('by its snapshot being removed: ESHUTDOWN, or the end; the origin is served on', async () => {
    const [snapshot, origin] = [await served.connect({ name: 'before' }), await served.connect()]
    await snapshot.read(0, 512)
    await served.origin.snapshots[0]?.remove()
    await isGone(snapshot)
    snapshot.stream.destroy()
    await origin.write(0, pattern(0, 4096, 2))
    await origin.disconnect()
    await served.atRest()
  })

  it('with its engine: connected clients end, whether they ask or not', async () => {
    const [asking, idle] = [await served.connect(), await served.connect()]
    await asking.read(0, 512)
    const load = asking.submitAll(
      Array.from({ length: 500 }, (_, index) => writeOf(index * 4096, pattern(index * 4096, 4096, 2))),
    )
    const closed = served.engine.close()
    const outcomes = await Promise.allSettled(load)
    for (const outcome of outcomes) {
      if (outcome.status === 'fulfilled') expect([0, nbdError.shutdown]).toContain(outcome.value.error)
    }
    await closed
    await isGone(asking)
    await isGone(idle)
    // What was answered is in the file.
    const content = served.folder.content('disk')
    outcomes.forEach((outcome, index) => {
      if (outcome.status !== 'fulfilled' || outcome.value.error !== 0) return
      expect(content.subarray(index * 4096, (index + 1) * 4096).equals(pattern(index * 4096, 4096, 2))).toBe(true)
    })
  })

  it('with its server: what was asked is answered, then it ends', async () => {
    const client = await served.connect()
    const load = client.submitAll(
      Array.from({ length: 500 }, (_, index) => writeOf(index * 4096, pattern(index * 4096, 4096, 2))),
    )
    await load[0]
    await served.closeServer()
    const outcomes = await Promise.allSettled(load)
    for (const outcome of outcomes)
      if (outcome.status === 'fulfilled') expect([0, nbdError.shutdown]).toContain(outcome.value.error)
    await client.over
    await served.atRest()
    expect(Buffer.from(await served.origin.read(size - 4096, 4096)).equals(pattern(size - 4096, 4096, 1))).toBe(true)
  })
})
