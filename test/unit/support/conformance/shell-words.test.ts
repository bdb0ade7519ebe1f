import { describe, expect, test } from 'vitest'
import { shellWords } from '../../../support/conformance/shell-words.js'

describe('a command line is split as a shell does', () => {
  test.each([
    ['dmsetup remove t', ['dmsetup', 'remove', 't']],
    ["create t --table '0 8 linear /dev/a 0'", ['create', 't', '--table', '0 8 linear /dev/a 0']],
    ["a '0 8 error\n8 8 error' b", ['a', '0 8 error\n8 8 error', 'b']],
    [String.raw`'0 8 error\n8 8 error'`, [String.raw`0 8 error\n8 8 error`]],
    ["'P '", ['P ']],
    ["a '' b", ['a', '', 'b']],
    ["a'b c'd", ['ab cd']],
    [String.raw`"a \"b\" \n" c`, [String.raw`a "b" \n`, 'c']],
    [String.raw`a\ b c`, ['a b', 'c']],
    [String.raw`'it'\''s'`, ["it's"]],
    ['', []],
    ['  \n ', []],
  ])('%j', (line, words) => {
    expect(shellWords(line)).toEqual(words)
  })

  test.each(["a 'b", 'a "b'])('a quote that is not closed is refused: %s', (line) => {
    expect(() => shellWords(line)).toThrow('not closed')
  })
})
