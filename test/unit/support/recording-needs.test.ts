import { describe, expect, test } from 'vitest'
import type { Recorded } from '../../support/recording.js'
import { recordingNeeds, replayable } from '../../support/recording-needs.js'

const dm = (cmd: string): Recorded => ({ t: 'dm', cmd, rc: 0, out: [], err: [], klog: [] })
const base = dm("dmsetup create base --table '0 4096 snapshot-origin /dev/mapper/obase'")
const snapshot = (rest: string, verb = 'create'): Recorded =>
  dm(`dmsetup ${verb} snap --table '0 4096 snapshot /dev/mapper/obase /dev/mapper/cow ${rest}'`)

describe('what a recording needs', () => {
  test.each([
    ['snapshot P', snapshot('P 16')],
    ['snapshot PO', snapshot('PO 16')],
    ['snapshot N', snapshot('N 16')],
    ['discard', snapshot('P 16 1 discard_zeroes_cow')],
    ['table syntax', snapshot('po 16')],
    ['table syntax', snapshot('P 1.5')],
    ['merge', dm("dmsetup create m --table '0 4096 snapshot-merge /dev/mapper/obase /dev/mapper/cow P 16'")],
    [
      'a device that fails or is remapped',
      { t: 'prep', dev: 'cow', do: 'table', table: '0 8 error' } satisfies Recorded,
    ],
    ['growing a COW', { t: 'prep', dev: 'cow', do: 'grow', sectors: 8 } satisfies Recorded],
    ['discard', { t: 'io', dev: 'base', op: 'd', off: 0, len: 8, res: 'ok' } satisfies Recorded],
    ['requests', { t: 'io', dev: 'base', op: 'd', off: 0, len: 8, res: 'EOPNOTSUPP' } satisfies Recorded],
  ])('is found: %s', (feature, record) => {
    expect([...recordingNeeds([base, record]).keys()]).toEqual(['origin', feature])
  })

  test('a recording is replayed up to the first thing that cannot be expressed', () => {
    const records = [base, snapshot('P 16'), snapshot('P 16 1 discard_zeroes_cow', 'reload'), snapshot('P 16')]
    expect(replayable(records)).toEqual({ length: 2, obstacle: 'discard' })
    expect(replayable(records.slice(0, 2))).toEqual({ length: 2, obstacle: undefined })
  })
})
