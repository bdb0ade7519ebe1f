import { expect, test } from 'vitest'
import { engineSystem } from '../support/conformance/engine-system.js'
import { replayRecordings } from './replay-recordings.js'

const { unused } = replayRecordings('the engine', engineSystem)

test('every listed difference occurs in some recording', () => {
  expect([...unused].map(({ asked, reason }) => `${JSON.stringify(asked)}: ${reason}`)).toEqual([])
})
