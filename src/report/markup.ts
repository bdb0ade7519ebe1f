/** Pieces of SVG and HTML as strings. */
import assert from 'node:assert/strict'

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: XML has no way to say these, and a file with one is not read at all
const unspeakable = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Surrogate}/gu

/** Text as it may stand between tags and in attributes, of HTML and of XML. */
export const escaped = (text: string): string =>
  text.replace(unspeakable, '\ufffd').replace(/[&<>"']/g, (sign) => entities[sign] ?? '')

type Attributes = Readonly<Record<string, string | number | undefined>>

/** An element; `content` is markup, attributes are plain. Coordinates keep one digit behind the point. */
export function element(name: string, attributes: Attributes, content = ''): string {
  const words = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}="${typeof value === 'number' ? coordinate(value) : escaped(String(value))}"`)
  return `<${name}${words.join('')}>${content}</${name}>`
}

export function coordinate(value: number): string {
  assert(Number.isFinite(value), `${value} is no place`)
  return String(Math.round(value * 10) / 10)
}
