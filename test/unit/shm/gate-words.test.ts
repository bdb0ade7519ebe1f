import { expect, test } from 'vitest'
import { GateWords, gateState, gatesBytes, gatesMax } from '../../../src/shm/gate-words.js'

test('a place that has another device reads as gone by the number of the one before', () => {
  const gates = new GateWords(new SharedArrayBuffer(gatesBytes))
  for (let generation = 1; generation < 6; generation++) {
    const device = 7 + generation * gatesMax
    expect(gates.read(device)).toBe(gateState.gone)
    gates.set(device, gateState.held)
    expect([gates.read(device), gates.read(device - gatesMax)]).toEqual([gateState.held, gateState.gone])
    // Nobody waits for a device that is gone.
    gates.wait(device - gatesMax)
    gates.set(device, gateState.open)
    expect([gates.read(device), gates.read(device - gatesMax)]).toEqual([gateState.open, gateState.gone])
    gates.set(device, gateState.gone)
  }
})
