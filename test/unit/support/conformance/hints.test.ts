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

  test('the next state of a device shows the length of its COW', () => {
    const shown = state('snap', '0 4096 snapshot 32/112 32')
    expect(cowSectorsShownNext([create, state('base', '0 4096 snapshot 1/1 1'), shown], 0, 'snap')).toBe(112)
    expect(cowSectorsShownNext([create, state('snap', '0 4096 snapshot Invalid'), shown], 0, 'snap')).toBe(undefined)
    expect(cowSectorsShownNext([create, dm('dmsetup remove snap'), shown], 0, 'snap')).toBe(undefined)
    expect(cowSectorsShownNext([create, { t: 'prep', dev: 'c', do: 'grow', sectors: 112 }, shown], 0, 'snap')).toBe(
      undefined,
    )
  })
})
