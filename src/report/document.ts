/** A report: facts, and sections of plots, tables and texts. Every text is plain; what is made of it escapes it. */

export interface ReportDocument {
  readonly title: string
  readonly subtitle: string
  readonly facts: readonly Fact[]
  readonly sections: readonly Section[]
}

export interface Fact {
  readonly name: string
  readonly value: string
}

export interface Section {
  readonly title: string
  /** Shown as its title only, until somebody opens it. */
  readonly isFolded?: boolean
  readonly blocks: readonly Block[]
}

export type Block =
  | { readonly kind: 'heading'; readonly text: string }
  | { readonly kind: 'text'; readonly text: string }
  /** Several lines that stay as they are. */
  | { readonly kind: 'story'; readonly text: string }
  | { readonly kind: 'verdict'; readonly holds: boolean; readonly text: string }
  | { readonly kind: 'table'; readonly table: Table }
  | { readonly kind: 'plots'; readonly plots: readonly Plot[] }

export interface Table {
  readonly caption: string
  /** Columns of figures end flush, others start flush. */
  readonly columns: readonly { readonly name: string; readonly isFigure: boolean }[]
  readonly rows: readonly (readonly string[])[]
}

/** A finished plot. `svgFile` makes a file of it, `reportHtml` a part of a page. */
export interface Plot {
  readonly title: string
  /** One `<svg>` element, whose colours come from the page or the file around it. */
  readonly svg: string
  /** The plot in figures, for those who do not see it. */
  readonly figures: Table
  readonly readings: readonly LineReadings[]
}

/** What a crosshair says about a line at the places of its points, left to right. */
export interface LineReadings {
  readonly name: string
  readonly at: readonly (readonly [x: number, xText: string, yText: string])[]
}
