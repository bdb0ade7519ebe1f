/** Looks into the SVG of a plot: where its lines and marks are. */

/** The points of every drawn line, in the order in which lines were given. */
export const linesOf = (svg: string): readonly (readonly (readonly [x: number, y: number])[])[] =>
  [...svg.matchAll(/<path class="line stroke-\d" d="([^"]+)"/g)]
    .map(([, path = '']) => path)
    // Samples of the legend are horizontal strokes.
    .filter((path) => !/^M[\d.]+,[\d.]+h[\d.]+$/.test(path))
    .map(pointsOf)

const pointsOf = (path: string): readonly (readonly [number, number])[] =>
  [...path.matchAll(/[ML](-?[\d.]+),(-?[\d.]+)/g)].map(([, x, y]) => [Number(x), Number(y)])

/** Where the badges of marks are, those of the legend left out. */
export const marksOf = (svg: string): readonly number[] =>
  [...svg.matchAll(/<line class="mark(?: minor)?" x1="([\d.]+)"/g)].map(([, x]) => Number(x))

export const textsOf = (svg: string): readonly string[] =>
  [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text = '']) => text)

export const heightOf = (svg: string): number => Number(/viewBox="0 0 \d+ ([\d.]+)"/.exec(svg)?.[1])
