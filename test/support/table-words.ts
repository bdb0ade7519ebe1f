/** Arbitrary words, lines and targets of tables, for property tests. */
import fc from 'fast-check'

/** Characters that mean something to some layer, and a few that do not. */
const nasty = [
  ' ',
  '\t',
  '\n',
  '\\',
  ',',
  ';',
  '#',
  ':',
  '/',
  '"',
  "'",
  '%',
  'ä',
  '😀',
  '\u00a0',
  '0',
  '7',
  'a',
  'Z',
  '-',
]

export const nastyText = fc.string({ unit: fc.constantFrom(...nasty), minLength: 1, maxLength: 12 })

export const sectorCount = fc.oneof(fc.nat({ max: 4096 }), fc.constantFrom(2 ** 32 - 1, 2 ** 32, 2 ** 44 - 2))

export const uint32 = fc.oneof(fc.nat({ max: 256 }), fc.constantFrom(2 ** 31, 2 ** 32 - 1))

/** `major:minor`, as tables print devices. */
export const deviceNumber = fc.tuple(fc.nat({ max: 4095 }), fc.nat({ max: 2 ** 20 - 1 })).map((pair) => pair.join(':'))
