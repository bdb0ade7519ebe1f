/** Expressions that look at a page from within it. */

/** Opens everything that is folded. */
export const openAll = "document.querySelectorAll('details').forEach((each) => { each.open = true })"

/** Texts in plots that lie on each other or stick out of their plot. */
export const overlapsOf = `[...document.querySelectorAll('svg.plot')].flatMap((plot) => {
  const frame = plot.getBoundingClientRect()
  const texts = [...plot.querySelectorAll('text')].map((text) => ({ text: text.textContent, box: text.getBoundingClientRect() }))
  const name = plot.getAttribute('aria-label').slice(0, 30)
  const out = texts
    .filter(({ box }) => box.left < frame.left - 1 || box.right > frame.right + 1 || box.bottom > frame.bottom + 1)
    .map(({ text }) => name + ': ' + text + ' sticks out')
  const slack = 1.5
  const meet = (one, other) =>
    Math.min(one.right, other.right) - Math.max(one.left, other.left) > slack &&
    Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top) > 4
  const pairs = texts.flatMap((one, index) =>
    texts.slice(index + 1).filter((other) => meet(one.box, other.box)).map((other) => name + ': ' + one.text + ' on ' + other.text))
  return [...out, ...pairs]
})`

/** `#0062ad` as style sheets compute it. */
export const rgb = (colour: string): string =>
  `rgb(${[1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16)).join(', ')})`
