/**
 * Colours, for light and dark: every one has a contrast of at least 4.5 to the paper, and neighbours differ for the colour-blind,
 * too. Lines are told apart by their markers or dashes as well.
 */
export interface Theme {
  readonly paper: string
  readonly ink: string
  readonly quiet: string
  /** Lines of the grid, edges of tables. */
  readonly rule: string
  readonly panel: string
  readonly good: string
  readonly bad: string
  readonly series: readonly string[]
}

export const themes: { readonly light: Theme; readonly dark: Theme } = {
  light: {
    paper: '#ffffff',
    ink: '#16191d',
    quiet: '#555c66',
    rule: '#d5d9de',
    panel: '#f3f5f7',
    good: '#1a6b34',
    bad: '#b3261e',
    series: ['#0062ad', '#bf4400', '#00755c', '#a33a86', '#7d5c00', '#4b5563'],
  },
  dark: {
    paper: '#14171c',
    ink: '#e9ecf0',
    quiet: '#a8b0bb',
    rule: '#3a414b',
    panel: '#1e232a',
    good: '#6fd58c',
    bad: '#ff8f85',
    series: ['#63b8ff', '#ff9d5c', '#3ad6ac', '#f09bd8', '#f2cf4a', '#c3c9d1'],
  },
}

export const seriesCount = themes.light.series.length

/** Dashes of lines without markers. */
export const dashes = ['none', '7 3', '2 3', '9 3 2 3', '4 2', '12 4'] as const

/** The variables that everything is coloured with, on the elements that `selector` names. */
export function themeStyle(selector: string): string {
  const dark = `${selector}{${variables(themes.dark)}}`
  return `${selector}{${variables(themes.light)}}@media (prefers-color-scheme:dark){${dark}}`
}

function variables({ series, ...others }: Theme): string {
  const named = [...Object.entries(others), ...series.map((colour, index) => [`series-${index}`, colour] as const)]
  return named.map(([name, colour]) => `--${name}:${colour}`).join(';')
}

/** How the parts of a plot look, given the variables. */
export const plotStyle = [
  '.plot{font:13px system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}',
  '.plot text{fill:var(--ink)}',
  '.plot .paper{fill:var(--paper)}',
  '.plot .title{font-size:15px;font-weight:600}',
  '.plot .quiet{fill:var(--quiet)}',
  '.plot .rule{stroke:var(--rule);stroke-width:1}',
  '.plot .end{text-anchor:end}',
  '.plot .middle{text-anchor:middle}',
  '.plot .line{fill:none;stroke-width:1.8;stroke-linejoin:round;stroke-linecap:round}',
  '.plot .area{stroke:none;fill-opacity:.18}',
  '.plot .mark{stroke:var(--ink);stroke-width:1;stroke-dasharray:3 3}',
  '.plot .minor{stroke-opacity:.3}',
  '.plot .band{fill:var(--quiet);fill-opacity:.16}',
  '.plot .badge{fill:var(--ink)}',
  '.plot .badge.failed{fill:var(--bad)}',
  '.plot .badge-text{fill:var(--paper);font-size:11px;font-weight:600;text-anchor:middle}',
  // Whiskers are seen on them.
  '.plot .bar{fill-opacity:.45}',
  '.plot .whisker{stroke:var(--ink);stroke-width:1.5;fill:none}',
  ...themes.light.series.map(
    (_, index) =>
      `.plot .stroke-${index}{stroke:var(--series-${index})}.plot .fill-${index}{fill:var(--series-${index})}`,
  ),
].join('')
