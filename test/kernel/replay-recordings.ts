/**
 * The suite that an engine has to pass: one test per recording, named after it. A recording that asks for more than can be
 * expressed is replayed up to there and says so in its title; one that cannot be replayed for the most part is skipped.
 */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { EngineUnderTest } from '../support/engine-under-test.js'
import { readRecording } from '../support/recording.js'
import { checksIn, replayable } from '../support/recording-needs.js'
import { describeDifferences, replay } from '../support/replay.js'
import { knownDifferences } from './known-differences.js'
import { recordingNames, recordingPath, recordingsFolder } from './recordings-folder.js'

/** Less than this share of a recording's checks is not worth being called replayed. */
const leastShare = 0.5

const recordings = recordingNames.map((name) => {
  const all = readRecording(recordingPath(name))
  const { length, obstacle } = replayable(all)
  const records = all.slice(0, length)
  const stops = obstacle === undefined ? '' : `, up to record ${length} of ${all.length}, which needs: ${obstacle}`
  return {
    records,
    enough: checksIn(records) > 0 && checksIn(records) >= leastShare * checksIn(all),
    title: `${name}${stops}`,
  }
})

export function replayRecordings(who: string, start: () => Promise<EngineUnderTest>): void {
  describe(`${who} does what the kernel did`, () => {
    let engine: EngineUnderTest
    beforeAll(async () => {
      engine = await start()
    })
    afterAll(() => engine.close())

    for (const { records, enough, title } of recordings) {
      test.skipIf(!enough)(title, async () => {
        const differences = await replay(engine, records, { images: recordingsFolder, known: knownDifferences })
        expect(describeDifferences(differences)).toBe('')
      })
    }
  })
}
