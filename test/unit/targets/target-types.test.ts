/** Every rule about a target's arguments, in the kernel's words, and in its order where a line breaks several. */
import { describe, expect, test } from 'vitest'
import { parseStore } from '../../../src/targets/snapshot.js'
import { TableFault } from '../../../src/targets/table-fault.js'
import { parseTableText } from '../../../src/targets/table-text.js'
import { parseTarget, targetTypes } from '../../../src/targets/target-types.js'

function parsed(text: string): unknown {
  const [line] = parseTableText(`0 ${text}`)
  if (line === undefined) throw new Error('no line')
  const spec = parseTarget(line)
  return spec.type === 'snapshot' ? { ...spec, ...parseStore(spec) } : spec
}

function refusalOf(text: string): string | undefined {
  try {
    parsed(text)
    return undefined
  } catch (error) {
    if (error instanceof TableFault) return error.message
    throw error
  }
}

const snapshot = { type: 'snapshot', origin: 'o', cow: 'c', discardZeroesCow: false, discardPassdownOrigin: false }

test.each([
  ['8 linear a 0', { type: 'linear', device: 'a', offset: 0 }],
  ['8 linear 8:19 2097536', { type: 'linear', device: '8:19', offset: 2097536 }],
  ['8 error', { type: 'error' }],
  ['8 error whatever it is given', { type: 'error' }],
  ['8 zero', { type: 'zero' }],
  ['8 snapshot-origin a', { type: 'snapshot-origin', device: 'a' }],
  ['8 striped 1 8 a 0', { type: 'striped', chunkSectors: 8, columns: [{ device: 'a', offset: 0 }] }],
  [
    // Neither the count nor the chunk is a power of two.
    '90 striped 3 5 a 0 b 7 c 9',
    {
      type: 'striped',
      chunkSectors: 5,
      columns: [
        { device: 'a', offset: 0 },
        { device: 'b', offset: 7 },
        { device: 'c', offset: 9 },
      ],
    },
  ],
  ['8 flakey a 3 5 0', { type: 'flakey', device: 'a', offset: 3, upSeconds: 5, downSeconds: 0, features: [] }],
  ['8 flakey a 3 0 5 0', { type: 'flakey', device: 'a', offset: 3, upSeconds: 0, downSeconds: 5, features: [] }],
  [
    '8 flakey a 0 1 1 2 error_reads drop_writes',
    { type: 'flakey', device: 'a', offset: 0, upSeconds: 1, downSeconds: 1, features: ['error_reads', 'drop_writes'] },
  ],
  ['8 snapshot o c P 16', { ...snapshot, storeWord: 'P', chunkWord: '16', store: 'P', chunkSectors: 16 }],
  ['8 snapshot o c p 0', { ...snapshot, storeWord: 'p', chunkWord: '0', store: 'P', chunkSectors: 0 }],
  ['8 snapshot o c pO 8', { ...snapshot, storeWord: 'pO', chunkWord: '8', store: 'PO', chunkSectors: 8 }],
  ['8 snapshot o c n 8', { ...snapshot, storeWord: 'n', chunkWord: '8', store: 'N', chunkSectors: 8 }],
  ['8 snapshot o c P 8 0', { ...snapshot, storeWord: 'P', chunkWord: '8', store: 'P', chunkSectors: 8 }],
  [
    '8 snapshot o c P 8 1 DISCARD_zeroes_cow',
    { ...snapshot, storeWord: 'P', chunkWord: '8', store: 'P', chunkSectors: 8, discardZeroesCow: true },
  ],
  [
    '8 snapshot o c P 8 2 discard_passdown_origin discard_zeroes_cow',
    {
      ...snapshot,
      ...{ storeWord: 'P', chunkWord: '8', store: 'P', chunkSectors: 8 },
      ...{ discardZeroesCow: true, discardPassdownOrigin: true },
    },
  ],
  [
    '8 snapshot o c P 8 2 discard_zeroes_cow discard_zeroes_cow',
    { ...snapshot, storeWord: 'P', chunkWord: '8', store: 'P', chunkSectors: 8, discardZeroesCow: true },
  ],
])('%j is taken', (text, spec) => {
  expect(parsed(text)).toEqual(spec)
})

/** Each line breaks the rule named and, where it can, every later one too: so the order shows. */
const refused: Record<string, [string, string][]> = {
  linear: [
    ['8 linear', 'Invalid argument count'],
    ['8 linear a', 'Invalid argument count'],
    ['8 linear a x 0', 'Invalid argument count'],
    ['8 linear a x', 'Invalid device sector'],
    ['8 linear a -1', 'Invalid device sector'],
    ['8 linear a 1.5', 'Invalid device sector'],
    ['8 linear a 99999999999999999999', 'Invalid device sector'],
  ],
  striped: [
    ['7 striped', 'Not enough arguments'],
    ['7 striped x', 'Not enough arguments'],
    ['7 striped x x', 'Invalid stripe count'],
    ['7 striped 0 0', 'Invalid stripe count'],
    ['7 striped -1 0', 'Invalid stripe count'],
    ['7 striped 4294967296 0', 'Invalid stripe count'],
    ['7 striped 2 0', 'Invalid chunk_size'],
    ['7 striped 2 x', 'Invalid chunk_size'],
    ['7 striped 2 3', 'Target length not divisible by number of stripes'],
    ['8 striped 2 3', 'Target length not divisible by chunk size'],
    ['8 striped 2 8', 'Target length not divisible by chunk size'],
    ['8 striped 2 4', 'Not enough destinations specified'],
    ['8 striped 2 4 a x b', 'Not enough destinations specified'],
    ['8 striped 2 4 a x b x c', 'Not enough destinations specified'],
    ['8 striped 2 4 a 0 b x', "Couldn't parse stripe destination"],
    ['8 striped 2 4 a x b 0', "Couldn't parse stripe destination"],
  ],
  flakey: [
    ['8 flakey', 'Invalid argument count'],
    ['8 flakey a x x', 'Invalid argument count'],
    ['8 flakey a x x x x', 'Invalid device sector'],
    ['8 flakey a 0 x x x', 'Invalid up interval'],
    ['8 flakey a 0 0 x x', 'Invalid down interval'],
    ['8 flakey a 0 0 0 x', 'Total (up + down) interval is zero'],
    ['8 flakey a 0 1 0 x', 'Invalid number of feature args'],
    ['8 flakey a 0 1 0 1', 'Invalid number of feature args'],
    ['8 flakey a 0 1 0 0 error_reads', 'Invalid number of feature args'],
    ['8 flakey a 0 1 0 3 x drop_writes error_writes', 'Unrecognised flakey feature requested'],
    ['8 flakey a 0 1 0 2 drop_writes error_writes', 'Feature drop_writes conflicts with feature error_writes'],
    ['8 flakey a 0 1 0 2 error_writes drop_writes', 'Feature drop_writes conflicts with feature error_writes'],
  ],
  'snapshot-origin': [
    ['8 snapshot-origin', 'origin: incorrect number of arguments'],
    ['8 snapshot-origin a b', 'origin: incorrect number of arguments'],
  ],
  snapshot: [
    ['8 snapshot', 'requires 4 or more arguments'],
    ['8 snapshot o c X', 'requires 4 or more arguments'],
    ['8 snapshot o c X x x', 'Invalid number of feature arguments'],
    ['8 snapshot o c X x 3 a b c', 'Invalid number of feature arguments'],
    ['8 snapshot o c X x 2 a', 'Invalid number of feature arguments'],
    ['8 snapshot o c X x 1 a', 'Unrecognised feature requested'],
    ['8 snapshot o c X x 2 discard_passdown_origin a', 'Unrecognised feature requested'],
    ['8 snapshot o c X x 0 more', "Invalid number of feature arguments: 'more' follows them"],
    ['8 snapshot o c X x 1 discard_zeroes_cow more', "Invalid number of feature arguments: 'more' follows them"],
    ['8 snapshot o c X x 1 discard_passdown_origin', 'discard_passdown_origin feature depends on discard_zeroes_cow'],
    ['8 snapshot o c X x', "Couldn't create exception store: Exception store type is not P or N: 'X'"],
    ['8 snapshot o c NO x', "Couldn't create exception store: Exception store type is not P or N: 'NO'"],
    // The kernel looks at two letters only; a third is a mistake here.
    ['8 snapshot o c POx x', "Couldn't create exception store: Exception store type is not P or N: 'POx'"],
    ['8 snapshot o c PX x', "Couldn't create exception store: Unsupported persistent store option: X"],
    ['8 snapshot o c P x', "Couldn't create exception store: Invalid chunk size: 'x'"],
    ['8 snapshot o c P -8', "Couldn't create exception store: Invalid chunk size: '-8'"],
    ['8 snapshot o c P 4294967296', "Couldn't create exception store: Invalid chunk size: '4294967296'"],
    ['8 snapshot o c N 0', 'Chunk size not set'],
  ],
  zero: [['8 zero 0', 'No arguments required']],
}

describe.each(Object.entries(refused))('%s', (_, cases) => {
  test.each(cases)('%j is refused: %s', (text, message) => {
    expect(refusalOf(text)).toBe(message)
  })
})

test.each([['no-such-type'], ['Linear'], ['constructor'], ['__proto__']])('there is no %s', (type) => {
  expect(refusalOf(`8 ${type}`)).toBe(`${type}: unknown target type`)
})

test.each([['snapshot o c P 8'], ['snapshot-origin o']])(
  '%s starts at sector 0 of its table or is refused',
  (words) => {
    const line = parseTableText(`0 8 zero\n8 8 ${words}`)[1]
    expect(() => line && parseTarget(line)).toThrow('must start at sector 0 of its table')
  },
)

test('the types have the versions of the kernel that they were compared with', () => {
  const versions = Object.entries(targetTypes).map(([name, { version }]) => `${name} v${version.join('.')}`)
  expect(versions).toContain('snapshot v1.16.0')
  expect(versions).toContain('snapshot-origin v1.9.0')
})
