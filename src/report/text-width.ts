/** How wide a text will be at most, where no font is at hand to ask. */

/** Of a letter of a wide sans-serif font, as a share of the font's size. */
const letter = 0.61
/** Of a sign of a script that is set in squares. */
const square = 1.05

export const textWidth = (text: string, size: number): number =>
  [...text].reduce((width, sign) => width + size * (sign >= '\u1100' ? square : letter), 0)

/** The text, or its beginning with `…` behind it. */
export function clipped(text: string, size: number, width: number): string {
  if (textWidth(text, size) <= width) return text
  const signs = [...text]
  while (signs.length > 0 && textWidth(`${signs.join('')}…`, size) > width) signs.pop()
  return `${signs.join('').trimEnd()}…`
}
