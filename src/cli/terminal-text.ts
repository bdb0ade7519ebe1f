/**
 * Texts from elsewhere (names, messages) on a terminal: made of characters that move no cursor, and measured in columns.
 *
 * Widths are never taken too small for letters of any script; of combined characters they may be too large, which cuts early.
 */

/** Control characters, and those that turn the direction of what follows. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what this is about
const unprintable = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

export const printable = (text: string): string => text.replace(unprintable, '\ufffd')

export function columnsOf(text: string): number {
  let columns = 0
  for (const character of text) columns += columnsOfCharacter(character)
  return columns
}

/** At most `columns` wide; what is cut ends with an ellipsis. */
export function cutTo(columns: number, text: string): string {
  if (columnsOf(text) <= columns) return text
  let kept = ''
  let left = columns - 1
  for (const character of text) {
    left -= columnsOfCharacter(character)
    if (left < 0) break
    kept += character
  }
  return columns > 0 ? `${kept}…` : ''
}

/** Exactly `columns` wide. */
export function fillTo(columns: number, text: string): string {
  const cut = cutTo(columns, text)
  return cut + ' '.repeat(columns - columnsOf(cut))
}

/** From Hangul on characters fill two columns; but for accented Latin and Greek, punctuation, arrows and boxes. */
function columnsOfCharacter(character: string): number {
  const point = character.codePointAt(0) ?? 0
  return point >= 0x1100 && !(point >= 0x1e00 && point <= 0x2bff) && point !== 0xfffd ? 2 : 1
}
