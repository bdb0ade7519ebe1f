/**
 * A report as one page that needs nothing else: no file, no network, no script. The one script in it, for a crosshair, is an
 * extra, and the page's own policy lets no other one run and nothing be loaded, whatever names and texts contain.
 */
import { createHash } from 'node:crypto'
import { crosshairScript } from './crosshair-script.js'
import type { Block, Fact, Plot, ReportDocument, Section, Table } from './document.js'
import { element, escaped } from './markup.js'
import { pageStyle } from './page-style.js'
import { plotStyle, themeStyle } from './theme.js'

export function reportHtml({ title, subtitle, facts, sections }: ReportDocument): string {
  return [
    '<!doctype html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${policy()}">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="color-scheme" content="light dark">',
    `<title>${escaped(title)}</title>`,
    `<style>${themeStyle(':root')}${pageStyle}${plotStyle}</style>`,
    '</head>',
    '<body>',
    `<header><h1>${escaped(title)}</h1><p class="subtitle">${escaped(subtitle)}</p>${factList(facts)}</header>`,
    '<main>',
    ...sections.map(sectionHtml),
    '</main>',
    `<script>${crosshairScript}</script>`,
    '</body>',
    '</html>',
    '',
  ].join('\n')
}

function policy(): string {
  const digest = createHash('sha256').update(crosshairScript).digest('base64')
  return `default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-${digest}'; base-uri 'none'; form-action 'none'`
}

const factList = (facts: readonly Fact[]): string => {
  const entries = facts.map(({ name, value }) => `<div><dt>${escaped(name)}</dt><dd>${escaped(value)}</dd></div>`)
  return entries.length === 0 ? '' : `<dl>${entries.join('')}</dl>`
}

function sectionHtml({ title, blocks, isFolded = false }: Section): string {
  const heading = `<h2>${escaped(title)}</h2>`
  const inside = blocks.map(blockHtml).join('\n')
  return isFolded
    ? `<section><details class="folded"><summary>${heading}</summary>\n${inside}\n</details></section>`
    : `<section>${heading}\n${inside}\n</section>`
}

function blockHtml(block: Block): string {
  switch (block.kind) {
    case 'heading':
      return `<h3>${escaped(block.text)}</h3>`
    case 'text':
      return `<p>${escaped(block.text)}</p>`
    case 'story':
      return `<pre>${escaped(block.text)}</pre>`
    case 'verdict':
      return `<p class="verdict ${block.holds ? 'good' : 'bad'}">${block.holds ? '✔' : '✘'} ${escaped(block.text)}</p>`
    case 'table':
      return tableHtml(block.table)
    case 'plots':
      return `<div class="plots">${block.plots.map(plotHtml).join('\n')}</div>`
  }
}

function plotHtml({ svg, figures, readings }: Plot): string {
  const data = readings.length === 0 ? '' : `<script type="application/json">${jsonInPage(readings)}</script>`
  const table = figures.rows.length === 0 ? '' : `<details><summary>Figures</summary>${tableHtml(figures)}</details>`
  return `<figure>${svg}${data}${table}</figure>`
}

/** JSON that cannot end the element it is in. */
const jsonInPage = (value: unknown): string => JSON.stringify(value).replaceAll('<', '\\u003c')

/** A wide table scrolls by itself; the page never does. */
function tableHtml({ caption, columns, rows }: Table): string {
  const cell = (text: string, column: number): string => {
    const isFigure = columns[column]?.isFigure ?? false
    return element('td', { class: isFigure ? 'figure' : undefined }, escaped(text))
  }
  const head = columns.map(({ name, isFigure }) =>
    element('th', { scope: 'col', class: isFigure ? 'figure' : undefined }, escaped(name)),
  )
  const body = rows.map((row) => `<tr>${row.map(cell).join('')}</tr>`)
  const table = `<table><caption>${escaped(caption)}</caption><thead><tr>${head.join('')}</tr></thead><tbody>${body.join('\n')}</tbody></table>`
  return element('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': caption }, table)
}
