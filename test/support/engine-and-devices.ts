/** For a block of tests: one engine for all of them, and devices of its own for each. */
import { Engine } from 'cowring'
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest'
import { PreparedDevices } from './prepared-devices.js'

interface EngineAndDevices {
  engine: Engine
  devices: PreparedDevices
}

/** To be called once in a `describe`; what it returns is filled in before each test. */
export function engineAndDevices(): EngineAndDevices {
  const given = {} as EngineAndDevices
  beforeAll(async () => {
    given.engine = await Engine.start({ workers: 1 })
  })
  afterAll(() => given.engine.close())
  beforeEach(() => {
    given.devices = new PreparedDevices()
  })
  afterEach(() => given.devices.remove())
  return given
}
