/** R1 to R4: the hand-overs between threads, each side's calls taken apart and put in the orders that could go wrong. */
import { describe, expect, test } from 'vitest'
import { Doorbell, doorbellWords } from '../../src/shm/doorbell.js'
import { RingConsumer, RingProducer, SubmissionEntries } from '../../src/shm/ring.js'
import { Signals, signalsBytes } from '../../src/shm/signals.js'
import { SteppedEngine } from '../support/stepped-engine.js'

const chunkBytes = 4096
const capacity = 8
const ring = () => {
  const memory = new SharedArrayBuffer(SubmissionEntries.byteLength(capacity))
  return {
    entries: new SubmissionEntries(memory, capacity),
    producer: new RingProducer(memory, capacity),
    consumer: new RingConsumer(memory, capacity),
  }
}
const bell = () => new Doorbell(new SharedArrayBuffer(doorbellWords * 4), 0)

describe('R1', () => {
  test('R1: an entry is not there before its publication, and whole after it', () => {
    const { consumer, entries, producer } = ring()
    const slot = producer.claim()
    entries.words[entries.wordBase(slot)] = 7
    producer.push()
    expect(consumer.waiting()).toBe(0)
    producer.publish()
    expect(consumer.waiting()).toBe(1)
    expect(entries.words[entries.wordBase(consumer.slot())]).toBe(7)
  })
})

describe('R2', () => {
  test('R2: a slot is not reused before the consumer gives it back', () => {
    const { consumer, producer } = ring()
    for (let entry = 0; entry < capacity; entry++) {
      expect(producer.claim()).toBe(entry)
      producer.push()
    }
    producer.publish()
    consumer.take()
    expect(producer.claim()).toBe(-1)
    consumer.giveBack()
    expect(producer.claim()).toBe(0)
  })
})

describe('R3', () => {
  test('R3: work published before the sleeper announces itself is found by its second look', () => {
    const { consumer, producer } = ring()
    const sleeper = bell()
    sleeper.read()
    expect(consumer.waiting()).toBe(0)
    producer.claim()
    producer.push()
    producer.publish()
    sleeper.ringIfAsleep() // nobody sleeps yet: nothing is rung
    sleeper.announceSleep()
    expect(consumer.waiting()).toBe(1)
  })

  test('R3: work published after the second look moves the bell, so that the wait returns at once', () => {
    const sleeper = bell()
    const seen = sleeper.read()
    sleeper.announceSleep()
    sleeper.ringIfAsleep()
    expect(sleeper.read()).not.toBe(seen)
    const before = performance.now()
    sleeper.wait(seen, 50_000)
    expect(performance.now() - before).toBeLessThan(25_000)
  })

  test('R3: a ring with nobody asleep keeps one awake that is about to sleep', () => {
    const sleeper = bell()
    const seen = sleeper.read()
    sleeper.ring()
    sleeper.announceSleep()
    const before = performance.now()
    sleeper.wait(seen, 50_000)
    expect(performance.now() - before).toBeLessThan(25_000)
  })

  test('R3: of many who ring for a sleeper one moves the bell, and once it sleeps again the next one does', () => {
    const sleeper = bell()
    const seen = sleeper.read()
    sleeper.announceSleep()
    for (let ringer = 0; ringer < 5; ringer++) sleeper.ringIfAsleep()
    expect(sleeper.read()).toBe(seen + 1)
    sleeper.announceSleep()
    sleeper.ringIfAsleep()
    expect(sleeper.read()).toBe(seen + 2)
  })

  test('R3: a client that waits without blocking is woken, and learns when the bell has moved already', async () => {
    const client = bell()
    const seen = client.read()
    client.announceSleep()
    const woken = client.waitAsync(seen)
    expect(woken).toBeDefined()
    client.ringIfAsleep()
    await woken
    expect(client.waitAsync(seen)).toBeUndefined()
  })
})

describe('R4', () => {
  const threeWorkers = () => {
    const signals = new Signals(new SharedArrayBuffer(signalsBytes(3)), 3)
    return { signals, bells: () => signals.workers.map((each) => each.read()) }
  }

  test('R4: those who have something parked are rung, and nobody else', () => {
    const { bells, signals } = threeWorkers()
    signals.setParked(0)
    signals.setParked(2)
    signals.ringParked()
    expect(bells()).toEqual([1, 0, 1])
    signals.clearParked(0)
    signals.ringParked()
    expect(bells()).toEqual([1, 0, 2])
  })

  test('R4: a key freed between the first try and the parked bit is got by the second try', () => {
    const engine = new SteppedEngine({ originBytes: 64 * chunkBytes, workers: 2 })
    engine.snapshot()
    const stripe = engine.locks.stripeOf(0, 0)
    expect(engine.locks.tryHold(stripe, 99)).toBe(true)
    const { signals } = engine.worker(0)
    const setParked = signals.setParked.bind(signals)
    let rang = true
    signals.setParked = (worker) => {
      // The holder frees the key now: it finds word that it is wanted, and nobody to ring.
      const seen = signals.workers[0]?.read()
      if (engine.locks.release(stripe)) signals.ringParked()
      rang = signals.workers[0]?.read() !== seen
      setParked(worker)
    }
    const write = engine.write(0, 0, 0, new Uint8Array(chunkBytes))
    engine.turn(0)
    expect([rang, write.outcome]).toEqual([false, 'OK'])
  })

  test('R4: a key freed after the second try rings the worker that is parked', () => {
    const engine = new SteppedEngine({ originBytes: 64 * chunkBytes, workers: 2 })
    const snapshot = engine.snapshot({ kind: 'N' })
    const { signals } = engine.worker(1)
    let seen: number | undefined
    snapshot.cow.during('write', 'data', () => {
      engine.write(1, 0, 512, new Uint8Array(512))
      engine.turn(1)
      seen = signals.workers[1]?.read()
    })
    engine.write(0, 0, 0, new Uint8Array(chunkBytes))
    engine.turn(0)
    expect(seen).toBeDefined()
    expect(signals.workers[1]?.read()).not.toBe(seen)
  })

  test('R4: a commit that ends rings the worker whose entries it committed, and the one that found the word taken', () => {
    const engine = new SteppedEngine({ originBytes: 64 * chunkBytes, workers: 2 })
    const snapshot = engine.snapshot()
    const { signals } = engine.worker(1)
    let seen: number | undefined
    snapshot.cow.during('write', 'area', () => {
      engine.write(1, 0, 20 * chunkBytes, new Uint8Array(chunkBytes))
      engine.turn(1)
      seen = signals.workers[1]?.read()
    })
    engine.write(0, 0, 0, new Uint8Array(chunkBytes))
    engine.turn(0)
    expect(seen).toBeDefined()
    expect(signals.workers[1]?.read()).not.toBe(seen)
  })

  test('R4: a commit word let go of between the first try and the parked bit is got by the last try', () => {
    const engine = new SteppedEngine({ originBytes: 64 * chunkBytes })
    const snapshot = engine.snapshot()
    expect(snapshot.cursor.tryTakeCommit(99)).toBe(true)
    const { signals } = engine.worker(0)
    const setParked = signals.setParked.bind(signals)
    signals.setParked = (worker) => {
      snapshot.cursor.releaseCommit()
      signals.ringParked()
      setParked(worker)
    }
    const write = engine.write(0, 0, 0, new Uint8Array(chunkBytes))
    engine.turn(0)
    expect(write.outcome).toBe('OK')
  })

  test('R4: the bit stays as long as anything is parked, and goes with the last of it', () => {
    const engine = new SteppedEngine({ originBytes: 64 * chunkBytes })
    engine.snapshot()
    const { signals } = engine.worker(0)
    const rings = () => {
      const before = signals.workers[0]?.read()
      signals.ringParked()
      return signals.workers[0]?.read() !== before
    }
    const stripes = [0, 1].map((key) => engine.locks.stripeOf(0, key))
    for (const stripe of stripes) engine.locks.tryHold(stripe, 99)
    engine.write(0, 0, 0, new Uint8Array(2 * chunkBytes))
    engine.turn(0)
    expect(rings()).toBe(true)
    engine.locks.release(stripes[0] as number)
    engine.turn(0)
    engine.turn(0)
    expect(rings()).toBe(true)
    engine.locks.release(stripes[1] as number)
    engine.turn(0)
    expect(rings()).toBe(false)
  })
})
