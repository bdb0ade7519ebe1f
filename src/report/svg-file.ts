/** A plot as a file of its own, for documents: it brings its colours along, and follows the reader's choice of light or dark. */
import type { Plot } from './document.js'
import { plotStyle, themeStyle } from './theme.js'

export function svgFile({ svg }: Plot): string {
  const head = /^<svg[^>]*>/.exec(svg)?.[0] ?? ''
  // Wide enough to be read where an image keeps its own size; documents make it narrower where they must.
  const sized = head.replace('<svg', '<svg width="640"')
  return `<?xml version="1.0" encoding="UTF-8"?>\n${sized}<style>${themeStyle('.plot')}${plotStyle}</style>${svg.slice(head.length)}\n`
}
