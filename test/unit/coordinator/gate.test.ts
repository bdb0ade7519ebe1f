import { describe, expect, test } from 'vitest'
import { Gate } from '../../../src/coordinator/gate.js'

function gateWithLog() {
  const started: string[] = []
  const gate = new Gate<string>((request) => started.push(request))
  return { gate, started }
}
const settled = async (promise: Promise<void>) => {
  let done = false
  void promise.then(() => {
    done = true
  })
  for (let turn = 0; turn < 5; turn++) await Promise.resolve()
  return done
}

describe('a gate', () => {
  test('open, it starts requests at once', () => {
    const { gate, started } = gateWithLog()
    gate.pass('a')
    expect(started).toEqual(['a'])
  })

  test('held, it keeps requests in order and loses none', async () => {
    const { gate, started } = gateWithLog()
    await gate.hold()
    for (const request of ['a', 'b', 'c']) gate.pass(request)
    expect(started).toEqual([])
    gate.open()
    expect(started).toEqual(['a', 'b', 'c'])
  })

  test('a hold waits for what is in flight, all of it', async () => {
    const { gate } = gateWithLog()
    gate.pass('a')
    gate.pass('b')
    const held = gate.hold()
    gate.leave()
    expect(await settled(held)).toBe(false)
    gate.leave()
    expect(await settled(held)).toBe(true)
  })

  test('two holds: it opens after the second', async () => {
    const { gate, started } = gateWithLog()
    await Promise.all([gate.hold(), gate.hold()])
    gate.pass('a')
    gate.open()
    expect(started).toEqual([])
    gate.open()
    expect(started).toEqual(['a'])
  })

  test('requests that were let go count as in flight for the next hold', async () => {
    const { gate } = gateWithLog()
    await gate.hold()
    gate.pass('a')
    gate.open()
    const held = gate.hold()
    expect(await settled(held)).toBe(false)
    gate.leave()
    expect(await settled(held)).toBe(true)
  })
})
