/** S1, S2 and C1: the hand-overs with threads that run turns in place, each side put between any two atomic operations of the other. */
import { describe, expect, test } from 'vitest'
import { CallWords, callBytes } from '../../src/shm/call-words.js'
import { isAtRest, RestWords } from '../../src/shm/rest-words.js'
import { interleaved } from '../support/atomic-steps.js'
import { handChunkBytes, seatByHand } from '../support/seat-by-hand.js'

/** More than either side has. */
const operationsMax = 24

type Scene = ReturnType<typeof scene>
function scene() {
  const hand = seatByHand()
  // What was told so far is heard, so that only what the test tells is in question.
  hand.seat.enter(hand.device)
  hand.seat.leave()
  const memories = [hand.memory.rests, hand.memory.gates, hand.memory.signals]
  return { ...hand, memories }
}
/** A promise whose end can be looked at. */
const watched = (promise: Promise<unknown>) => {
  const look = { isOver: false }
  void promise.then(() => {
    look.isOver = true
  })
  return look
}
const microtasks = () => new Promise<void>((resolve) => setImmediate(resolve))

/** Every place at which one side may come in the middle of the other: `check` says what both do, and what must hold then. */
async function everyOrder(
  check: (scene: Scene, run: (seat: () => void, coordinator: () => void) => void) => Promise<void>,
): Promise<void> {
  for (const isSeatFirst of [true, false]) {
    for (let after = 0; after < operationsMax; after++) {
      const set = scene()
      await check(set, (seat, coordinator) => {
        const [one, other] = isSeatFirst ? [seat, coordinator] : [coordinator, seat]
        expect(interleaved(set.memories, one, after, other)).toBeLessThan(operationsMax)
      })
    }
  }
}

describe('S1', () => {
  test('S1: a device that is held has no seat inside, or its holder waits for it', async () => {
    let inside = 0
    await everyOrder(async ({ device, gate, seat, seats }, run) => {
      let entered = false
      let held = { isOver: false }
      run(
        () => {
          entered = seat.tryEnter(device) === 0
        },
        () => {
          held = watched(gate.hold())
        },
      )
      await microtasks()
      expect(entered && held.isOver).toBe(false)
      // What was not let in is at rest again, and nobody is kept waiting for it.
      seats.settle()
      await microtasks()
      expect(entered || held.isOver).toBe(true)
      if (entered) {
        inside++
        seat.leave()
      }
    })
    expect(inside).toBeGreaterThan(0)
    expect(inside).toBeLessThan(2 * operationsMax)
  })

  test('S1: whoever was told has carried it out before it goes on, or the one who told waits', async () => {
    await everyOrder(async ({ device, number, seat, seats, signals }, run) => {
      let told = { isOver: false }
      run(
        () => {
          seat.tryEnter(device)
        },
        () => {
          told = watched(seats.tellAll({ kind: 'sync' }, []))
        },
      )
      await microtasks()
      expect(told.isOver && signals.hasMail(number) && seat.isInside).toBe(false)
      seat.leave()
    })
  })

  test('S1: the short way looks as the long one does', async () => {
    await everyOrder(async ({ device, gate, memory, number, seat }, run) => {
      const bytes = new Uint8Array(memory.arena, seat.bufferOffset, 512)
      let held = { isOver: false }
      run(
        () => {
          seat.readShort(device, seat.bufferOffset, 512, 0)
        },
        () => {
          held = watched(gate.hold())
          bytes.fill(7)
        },
      )
      await microtasks()
      expect(isAtRest(new RestWords(memory.rests).read(number))).toBe(true)
      if (held.isOver) expect(bytes[0]).toBe(7) // Nothing was read any more.
    })
  })
})

describe('S2', () => {
  test('S2: nobody sleeps past the end of a run', async () => {
    await everyOrder(async ({ device, seat, seats, signals }, run) => {
      seat.tryEnter(device)
      let rested = { isOver: false }
      const seen = signals.client.read()
      run(
        () => seat.leave(),
        () => {
          rested = watched(seats.rested())
        },
      )
      await microtasks()
      const isRung = signals.client.read() !== seen
      expect(rested.isOver || isRung).toBe(true)
      seats.settle()
      await microtasks()
      expect(rested.isOver).toBe(true)
    })
  })

  test('S2: one that waits for a run is not content with the next one, and not kept by it', async () => {
    const { device, seat, seats } = scene()
    seat.tryEnter(device)
    const rested = watched(seats.rested())
    await microtasks()
    expect(rested.isOver).toBe(false)
    seat.leave()
    seat.tryEnter(device)
    seats.settle()
    await microtasks()
    expect(rested.isOver).toBe(true)
    seat.leave()
  })
})

describe('C1', () => {
  const call = () => {
    const memory = new SharedArrayBuffer(callBytes)
    return { memory, seat: new CallWords(memory), coordinator: new CallWords(memory) }
  }

  test('C1: whoever finds that a call is answered finds the answer', () => {
    for (let after = 1; after < 4; after++) {
      const { coordinator, memory, seat } = call()
      seat.begin()
      const found: number[] = []
      interleaved(
        [memory],
        () => coordinator.answer(6, 5),
        after,
        () => {
          seat.wait()
          found.push(seat.status, seat.errno)
        },
      )
      expect(found).toEqual([6, 5])
    }
  })

  test('C1: the answer to the last call is not taken for that to the next one', () => {
    const { coordinator, memory, seat } = call()
    seat.begin()
    coordinator.answer(6, 5)
    seat.wait()
    seat.begin()
    expect(new Int32Array(memory)[0]).toBe(0)
  })
})

test('the parts of a scene are what they seem: a write on a seat saves a chunk', () => {
  const { cursor, device, seat } = scene()
  seat.enter(device)
  expect(seat.write(seat.bufferOffset, handChunkBytes, 0)).toBe(0)
  seat.leave()
  expect(cursor.committed()).toBe(1)
})
