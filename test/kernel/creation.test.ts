import { describe, expect, test } from 'vitest'
import { answerOf } from '../support/answer-of.js'
import { sectorsZeroedPerCase } from '../support/conformance/hints.js'
import { engineAndDevices } from '../support/engine-and-devices.js'
import { initialCow } from '../support/prepared-devices.js'
import { parseDmsetup, plainSnapshotLine, type Recorded, readRecording } from '../support/recording.js'
import { refusalCode } from '../support/refusals.js'
import { knownCreations } from './known-differences.js'
import { recordingNames, recordingPath } from './recordings-folder.js'

/**
 * Some recordings are one case after another on a COW that is cleared in between, so each case stands alone: a line that
 * can be said with the public API is tried on devices of its own.
 */
const cases = recordingNames
  .map((name) => readRecording(recordingPath(name)))
  .filter((records) => sectorsZeroedPerCase(records) !== undefined)
  .flatMap(snapshotCreations)

function snapshotCreations(records: readonly Recorded[]) {
  const sectors = new Map<string, number>()
  return records.flatMap((record, index) => {
    if (record.t === 'prep' && record.do === 'linear') sectors.set(record.dev, record.sectors)
    if (record.t !== 'dm') return []
    const { verb, table = [] } = parseDmsetup(record.cmd)
    const [first] = table
    const line = verb === 'create' && first !== undefined && table.length === 1 ? plainSnapshotLine(first) : undefined
    // A snapshot of a mapped origin, or one longer than its origin, cannot be asked for.
    if (line === undefined || first === undefined || record.klog.some((text) => text.includes('too small'))) return []
    if (line.origin !== 'nonexist' && sectors.get(line.origin) !== first.sectors) return []
    const next = records[index + 1]
    const status = next?.t === 'state' ? next.status.split(' ').slice(3).join(' ') : undefined
    const recorded = record.rc === 0 ? 'ok' : refusalCode(record.klog)
    const cow = sectors.has(line.cow) ? 'blank' : 'missing'
    const known = knownCreations.find((one) => one.store === line.store && one.cow === cow && one.recorded === recorded)
    const answer = known?.answer ?? recorded
    return [{ line, status, answer, devices: new Map(sectors) }]
  })
}

describe('creating a snapshot with arguments that the kernel was given', () => {
  const given = engineAndDevices()

  test('there are cases that it took and cases that it refused', () => {
    expect(cases.filter(({ status }) => status !== undefined).length).toBeGreaterThan(10)
    expect(cases.filter(({ answer }) => answer !== 'ok').length).toBeGreaterThan(10)
  })

  cases.forEach(({ line, status, answer, devices: sizes }, index) => {
    const { store, chunkSectors } = line
    const outcome = answer === 'ok' ? `taken, status ${status ?? 'not asked'}` : `refused with ${answer}`
    test(`case ${index}: origin ${line.origin}, COW ${line.cow}, ${store} ${chunkSectors} is ${outcome}`, async () => {
      for (const [device, sectors] of sizes) given.devices.fill(device, initialCow(sectors))
      const cowBefore = sizes.has(line.cow) ? given.devices.content(line.cow) : undefined
      let found: string | undefined
      const answered = await answerOf(async () => {
        await using origin = await given.engine.open(given.devices.path(line.origin))
        // Zero is the store's own chunk size or the default, which a transient store does not have.
        const chunk = chunkSectors === 0 && store !== 'N' ? {} : { chunkSectors }
        const snapshot = await origin.snapshot({ cow: given.devices.path(line.cow), store, ...chunk })
        found = snapshot.status()
        await snapshot.remove({ keepStore: true })
      })
      expect(answered).toBe(answer)
      if (status !== undefined) expect(found).toBe(status)
      if (answer !== 'ok' && cowBefore !== undefined) {
        expect(given.devices.content(line.cow).equals(cowBefore), 'COW untouched').toBe(true)
      }
    })
  })
})
