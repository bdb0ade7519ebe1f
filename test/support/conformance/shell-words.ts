/**
 * Splits a command line into words as a POSIX shell does: blanks outside quotes separate, single quotes keep everything,
 * double quotes keep everything but a backslash before `"`, `\`, `$` or a backquote, a backslash quotes the next character.
 * Leaves out on purpose: expansion of any kind, and operators; recordings have none.
 */
export function shellWords(line: string): readonly string[] {
  const words: string[] = []
  let word: string | undefined
  let rest = line
  while (rest !== '') {
    const [taken, piece] = nextPiece(rest)
    rest = rest.slice(taken)
    if (piece !== undefined) word = (word ?? '') + piece
    else if (word !== undefined) {
      words.push(word)
      word = undefined
    }
  }
  return word === undefined ? words : [...words, word]
}

/** How many characters the next piece takes, and what it adds to the word; `undefined` where a word ends. */
function nextPiece(rest: string): [number, string | undefined] {
  const blank = /^[ \t\n]+/.exec(rest)
  if (blank !== null) return [blank[0].length, undefined]
  if (rest.startsWith("'")) {
    const end = rest.indexOf("'", 1)
    if (end < 0) throw new Error(`a quote is not closed: ${rest}`)
    return [end + 1, rest.slice(1, end)]
  }
  const quoted = /^"((?:[^"\\]|\\[\s\S])*)"/.exec(rest)
  if (quoted !== null) return [quoted[0].length, (quoted[1] ?? '').replace(/\\(["\\$`])/g, '$1')]
  if (rest.startsWith('"')) throw new Error(`a quote is not closed: ${rest}`)
  if (rest.startsWith('\\')) return [2, rest.slice(1, 2)]
  const plain = /^[^ \t\n'"\\]+/.exec(rest)?.[0] ?? ''
  return [plain.length, plain]
}
