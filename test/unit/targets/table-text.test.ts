import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseTableText, quoteWord, sectors, splitWords, uint32 } from '../../../src/targets/table-text.js'
import { holds } from '../../support/seeded.js'
import { nastyText } from '../../support/table-words.js'

const file = 'test/unit/targets/table-text.test.ts'

describe('words', () => {
  test.each([
    ['0 8 linear a 0', ['0', '8', 'linear', 'a', '0']],
    ['  0\t8   zero  ', ['0', '8', 'zero']],
    ['', []],
    [' \t ', []],
    ['a\\ b c', ['a b', 'c']],
    ['a\\\\ b', ['a\\', 'b']],
    ['\\a\\b', ['ab']],
    ['\\ ', [' ']],
    ['a\\\tb', ['a\tb']],
    ['a\\', ['a\\']],
    ['a \\', ['a', '\\']],
  ])('%j splits at white space into %j, where no backslash takes it as it is', (text, words) => {
    expect(splitWords(text)).toEqual(words)
  })

  test('a quoted word is one word, and reads as it was', () => {
    const property = fc.property(fc.array(nastyText), (words) => {
      expect(splitWords(words.map(quoteWord).join(' '))).toEqual(words)
    })
    holds(file, property)
  })

  test('a quoted word stays on its line, whatever is in it', () => {
    const property = fc.property(nastyText, nastyText, (one, two) => {
      const text = `0 8 linear ${quoteWord(one)} 0\n8 8 linear ${quoteWord(two)} 4`
      expect(parseTableText(text).map(({ words }) => words)).toEqual([
        [one, '0'],
        [two, '4'],
      ])
    })
    holds(file, property)
  })
})

describe('numbers', () => {
  test.each([
    ['0', 0],
    ['8', 8],
    ['0008', 8],
    ['17592186044415', 2 ** 44 - 1],
  ])('%j is so many sectors', (word, value) => {
    expect(sectors(word)).toBe(value)
  })

  test.each([
    [undefined],
    [''],
    ['-1'],
    ['+1'],
    ['1.5'],
    ['1e3'],
    ['0x10'],
    ['8s'],
    [' 8'],
    ['17592186044416'],
    ['99999999999999999999'],
    ['NaN'],
    ['Infinity'],
    ['٣'],
  ])('%j is no number of sectors', (word) => {
    expect(sectors(word)).toBeUndefined()
  })

  test.each([
    ['4294967295', 2 ** 32 - 1],
    ['0', 0],
    ['0000000008', 8],
  ])('%j is an unsigned 32-bit number', (word, value) => {
    expect(uint32(word)).toBe(value)
  })

  test.each([[undefined], [''], ['-1'], ['4294967296'], ['99999999999'], ['0x8'], ['8 ']])('%j is none', (word) => {
    expect(uint32(word)).toBeUndefined()
  })
})

describe('lines', () => {
  test('every line is a target; empty lines and comments are left out, and the last line needs no end', () => {
    const text = '\n# of two targets\n0 8 linear a 0\n  \n   # indented\n8 16 striped 2 4 a 0 b 0'
    expect(parseTableText(text)).toEqual([
      { start: 0, length: 8, type: 'linear', words: ['a', '0'] },
      { start: 8, length: 16, type: 'striped', words: ['2', '4', 'a', '0', 'b', '0'] },
    ])
  })

  test.each([[''], ['\n\n'], ['# nothing'], ['   ']])('%j has no lines', (text) => {
    expect(parseTableText(text)).toEqual([])
  })

  test.each([
    ['8 8 zero', 'Gap in table'],
    ['0 8 zero\n16 8 error', 'Gap in table'],
    ['0 8 zero\n4 8 error', 'Gap in table'],
    ['0 8 zero\n0 8 error', 'Gap in table'],
    ['0 0 zero', 'zero-length target'],
    // A length of nothing is seen before a gap.
    ['8 0 zero', 'zero-length target'],
    ['zero', 'Invalid format on line 1: it begins with START LENGTH TYPE, in sectors'],
    ['0 8', 'Invalid format on line 1: it begins with START LENGTH TYPE, in sectors'],
    ['0 -8 zero', 'Invalid format on line 1: it begins with START LENGTH TYPE, in sectors'],
    ['x 8 zero', 'Invalid format on line 1: it begins with START LENGTH TYPE, in sectors'],
    ['# a comment\n\n0 8 zero\n8 1,5 zero', 'Invalid format on line 4: it begins with START LENGTH TYPE, in sectors'],
  ])('%j is refused: %s', (text, message) => {
    expect(() => parseTableText(text)).toThrow(expect.objectContaining({ message }))
  })

  test('a table of 65536 lines is read, one more is refused', () => {
    const lines = Array.from({ length: 65536 }, (_, index) => `${index} 1 zero`)
    expect(parseTableText(lines.join('\n'))).toHaveLength(65536)
    expect(() => parseTableText([...lines, '65536 1 zero'].join('\n'))).toThrow('a table has at most 65536 lines')
  })

  test('a table ends at most where byte offsets are still exact', () => {
    const last = 2 ** 44 - 1
    expect(parseTableText(`0 ${last} zero`)).toHaveLength(1)
    expect(Number.isSafeInteger(last * 512)).toBe(true)
    expect(() => parseTableText(`0 ${last} zero\n${last} 1 zero`)).toThrow('a table has at most 17592186044415 sectors')
  })

  test('what a table is printed as reads as the same lines', () => {
    const line = fc.record({
      length: fc.integer({ min: 1, max: 2 ** 20 }),
      type: fc.constantFrom('linear', 'zero', 'no-such-type'),
      words: fc.array(nastyText, { maxLength: 4 }),
    })
    const property = fc.property(fc.array(line, { maxLength: 5 }), (targets) => {
      let start = 0
      const lines = targets.map((target) => {
        const placed = { ...target, start }
        start += target.length
        return placed
      })
      const text = lines.map((each) => [each.start, each.length, each.type, ...each.words.map(quoteWord)].join(' '))
      expect(parseTableText(text.join('\n'))).toEqual(lines)
    })
    holds(file, property)
  })
})
