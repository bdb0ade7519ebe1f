import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CompletionEntries, completionField, RingConsumer, RingProducer } from '../../../src/shm/ring.js'
import { holds } from './seeded.js'

const make = (capacity: number, start = 0) => {
  const memory = new SharedArrayBuffer(CompletionEntries.byteLength(capacity))
  const entries = new CompletionEntries(memory, capacity)
  const producer = new RingProducer(memory, capacity)
  const consumer = new RingConsumer(memory, capacity)
  for (let turn = 0; turn < start; turn++) {
    producer.claim()
    producer.push()
    producer.publish()
    consumer.take()
    consumer.giveBack()
  }
  return { entries, producer, consumer }
}

describe('a ring', () => {
  test('keeps order over many wraps, whatever the batches', () => {
    const batches = fc.array(fc.tuple(fc.nat(12), fc.nat(12)), { maxLength: 60 })
    holds(
      'ring.test.ts',
      fc.property(fc.nat(20), batches, (start, steps) => {
        const { consumer, entries, producer } = make(8, start)
        let put = 0
        let got = 0
        for (const [pushes, takes] of steps) {
          for (let push = 0; push < pushes; push++) {
            const slot = producer.claim()
            if (slot < 0) {
              expect(put - got).toBe(8)
              break
            }
            entries.words[entries.wordBase(slot) + completionField.ticket] = put++
            producer.push()
          }
          producer.publish()
          expect(consumer.waiting()).toBe(put - got)
          for (let take = 0; take < takes && consumer.waiting() > 0; take++) {
            expect(entries.words[entries.wordBase(consumer.slot()) + completionField.ticket]).toBe(got++)
            consumer.take()
          }
          consumer.giveBack()
        }
      }),
    )
  })

  test('claiming twice without a push is one slot', () => {
    const { producer } = make(4)
    expect([producer.claim(), producer.claim()]).toEqual([0, 0])
  })

  test('a capacity that is no power of two is a mistake', () => {
    expect(() => new RingProducer(new SharedArrayBuffer(1024), 6)).toThrow()
  })
})
