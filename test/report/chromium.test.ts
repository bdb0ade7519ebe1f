/** Pages in a real browser: nothing overlaps, is cut off or sticks out, on a phone and on a desk, in the light and in the dark. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runDocument } from '../../src/load/html/run-document.js'
import type { LoadResult } from '../../src/load/result/load-result.js'
import { reportHtml } from '../../src/report/report-html.js'
import { svgFile } from '../../src/report/svg-file.js'
import { themes } from '../../src/report/theme.js'
import { hasTools } from '../support/nbd/tools.js'
import { Chromium, type Look } from '../support/report/chromium.js'
import { openAll, overlapsOf, rgb } from '../support/report/page-checks.js'
import { sampleResult, sampleSweep } from '../support/report/sample-results.js'

const looks: Readonly<Record<string, Look>> = {
  'a phone in the light': { width: 390, height: 844, scheme: 'light' },
  'a phone in the dark': { width: 390, height: 844, scheme: 'dark' },
  'a desk in the light': { width: 1280, height: 900, scheme: 'light' },
  'a desk in the dark': { width: 1280, height: 900, scheme: 'dark' },
}
const phone: Look = { width: 390, height: 844, scheme: 'dark' }

const one = sampleResult()
const long = 'a-name-without-any-place-to-break-it-'.repeat(6)
const harsh: LoadResult = {
  ...one,
  title: long,
  jobs: one.jobs.map((job) => ({ ...job, name: long, target: long, options: { [long]: long } })),
  timeline: Array.from({ length: 40 }, (_, index) => ({
    atSeconds: 20 + index / 10,
    endSeconds: 21 + index,
    text: `snapshot ${long}`,
    ...(index % 3 === 0 ? { failure: long } : {}),
  })),
  stores: one.stores.map((store) => ({ ...store, snapshot: long })),
}
const pages = {
  'one run': reportHtml(runDocument([one])),
  'eight runs': reportHtml(runDocument(sampleSweep())),
  'long names': reportHtml(runDocument([harsh, harsh])),
}

describe.skipIf(!hasTools('chromium'))('in chromium', () => {
  let chromium: Chromium
  beforeAll(async () => {
    chromium = await Chromium.start()
  })
  afterAll(() => chromium?.close())

  for (const [content, page] of Object.entries(pages)) {
    for (const [place, look] of Object.entries(looks)) {
      it(`a page of ${content} fits on ${place}, in its colours, and asks for nothing`, async () => {
        const { requested, complaints } = await chromium.open('report.html', page, look)
        expect(requested).toEqual([])
        expect(complaints).toEqual([])
        await chromium.evaluate(openAll)
        expect(await chromium.evaluate('document.scrollingElement.scrollWidth')).toBeLessThanOrEqual(look.width)
        expect(await chromium.evaluate<string[]>(overlapsOf)).toEqual([])
        const { paper, ink } = themes[look.scheme]
        const colours = 'const style = getComputedStyle(document.body); [style.backgroundColor, style.color]'
        expect(await chromium.evaluate(`{ ${colours} }`)).toEqual([rgb(paper), rgb(ink)])
        const title = "getComputedStyle(document.querySelector('.plot .title')).fill"
        expect(await chromium.evaluate(title)).toBe(rgb(ink))
      })
    }
  }

  it('text in plots is large enough on a phone', async () => {
    await chromium.open('report.html', pages['one run'], phone)
    const heights = `[...document.querySelectorAll('.plot text')].map((text) =>
      parseFloat(getComputedStyle(text).fontSize) * text.ownerSVGElement.getBoundingClientRect().width / 420)`
    expect(Math.min(...(await chromium.evaluate<number[]>(heights)))).toBeGreaterThan(9.5)
  })

  it('a page is whole without scripts', async () => {
    const count = "[document.querySelectorAll('figure svg.plot .line').length, document.querySelectorAll('td').length]"
    await chromium.open('report.html', pages['one run'], phone)
    const withScripts = await chromium.evaluate(count)
    await chromium.open('report.html', pages['one run'], { ...phone, withoutScripts: true })
    expect(await chromium.evaluate(count)).toEqual(withScripts)
  })

  it('a crosshair says what lines are under the pointer', async () => {
    await chromium.open('report.html', pages['one run'], { ...phone, width: 1280, height: 4000 })
    const box =
      "{ const { left, top, width } = document.querySelector('svg.plot').getBoundingClientRect(); [left, top, width] }"
    const [left = 0, top = 0, width = 0] = await chromium.evaluate<number[]>(box)
    await chromium.point(left + width / 2, top + width / 3)
    const text = await chromium.evaluate<string>("document.querySelector('.reading')?.textContent ?? ''")
    expect(text).toMatch(/^\d+(\.\d)? s\nread {2}[\d.,]+ k?IOPS\nwrite {2}[\d.,]+ k?IOPS$/)
    await chromium.point(left + width / 2, top - 40)
    expect(await chromium.evaluate("document.querySelectorAll('.reading, .cross').length")).toBe(0)
  })

  it('no script but its own is run, whatever got into it', async () => {
    const page = pages['one run'].replace('<main>', '<main><script>document.title = "broken into"</script>')
    const { complaints } = await chromium.open('report.html', page, phone)
    expect(await chromium.evaluate('document.title')).toBe(one.title)
    expect(complaints.join()).toContain('Content Security Policy')
  })

  it('a plot as a file has its own colours', async () => {
    const [plot] = runDocument([one]).sections.flatMap(({ blocks }) =>
      blocks.flatMap((block) => (block.kind === 'plots' ? block.plots : [])),
    )
    if (plot === undefined) throw new Error('the report has a plot')
    for (const scheme of ['light', 'dark'] as const) {
      const { requested, complaints } = await chromium.open('plot.svg', svgFile(plot), { ...phone, scheme })
      expect([requested, complaints]).toEqual([[], []])
      const fill = "getComputedStyle(document.querySelector('.paper')).fill"
      expect(await chromium.evaluate(fill)).toBe(rgb(themes[scheme].paper))
    }
  })
})
