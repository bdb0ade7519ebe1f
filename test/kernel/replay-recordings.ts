/**
 * The suite that a device-mapper layer has to pass: one test per recording, named after it.
 */
import { describe, expect, test } from 'vitest'
import type { KnownDifference } from '../support/conformance/differences.js'
import { recordingsIn } from '../support/conformance/recordings.js'
import { runRecording, type System } from '../support/conformance/run.js'
import { knownDifferences } from './known-differences.js'
import { recordingsFolder } from './recordings-folder.js'

export function replayRecordings(who: string, start: () => Promise<System>): { unused: Set<KnownDifference> } {
  const unused = new Set(knownDifferences)
  describe(`${who} does what the kernel did`, () => {
    const options = { folder: recordingsFolder, known: knownDifferences, start }
    for (const recording of recordingsIn(recordingsFolder)) {
      test(recording.name, async ({ skip }) => {
        const { verdict, outcome } = await runRecording(recording, options)
        for (const entry of outcome.used) unused.delete(entry)
        expect(verdict.differences.join('\n')).toBe('')
        skip(verdict.kind === 'skipped', verdict.remark)
      })
    }
  })
  return { unused }
}
