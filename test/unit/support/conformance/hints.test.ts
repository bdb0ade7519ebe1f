import { describe, expect, test } from 'vitest'
import { cowSectorsShownNext, sectorsZeroedPerCase } from '../../../support/conformance/hints.js'
import type { Recorded } from '../../../support/recording.js'

const dm = (cmd: string): Recorded => ({ t: 'dm', cmd, rc: 0, out: [], err: [], klog: [] })
const state = (name: string, status: string): Recorded => ({ t: 'state', name, table: '', status, events: 0 })
const create = dm("dmsetup create snap --table '0 4096 snapshot /dev/mapper/o /dev/mapper/c P 16'")

describe('what a recorder did without a record', () => {
  test('a note says how much of the COW is zeroed before every case', () => {
    const note: Recorded = { t: 'note', text: 'the first 8 sectors of the COW are zeroed again before every case' }
    expect(sectorsZeroedPerCase([create, note])).toBe(8)
    expect(sectorsZeroedPerCase([create, { t: 'note', text: 'the first 8 sectors' }])).toBe(undefined)
  })

  test('the states of a device show the length of its COW, if they are of one mind', () => {
    const shown = state('snap', '0 4096 snapshot 32/112 32')
    const later = state('snap', '0 4096 snapshot 48/112 32')
    const other = state('base', '0 4096 snapshot 1/1 1')
    const length = (...after: readonly Recorded[]) => cowSectorsShownNext([create, ...after], 0, 'snap')
    expect(length(other, shown, later)).toBe(112)
    expect(length(shown)).toBe(undefined)
    expect(length(shown, dm('dmsetup remove snap'), later)).toBe(undefined)
    expect(length(shown, { t: 'prep', dev: 'c', do: 'grow', sectors: 112 }, later)).toBe(undefined)
    expect(length(shown, state('snap', '0 4096 snapshot 32/113 32'))).toBe(undefined)
    expect(length(shown, state('snap', '0 4096 snapshot Invalid'))).toBe(undefined)
  })
})
