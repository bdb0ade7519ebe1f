/** A run as chapters: what is measured in each, its figures and its plots. The document and the page are made of the same ones. */
import type { Table } from '../../src/report/document.js'
import { type Outcome, type SectionName, sectionNames } from '../grid/outcome.js'
import { tableOf } from './chapter-table.js'
import { type NamedPlot, plotsOf } from './plots.js'

export interface Chapter {
  readonly title: string
  /** What is measured, and beside what. */
  readonly text: string
  readonly plots: readonly NamedPlot[]
  readonly table: Table
}

const words: Readonly<Record<SectionName, readonly [title: string, text: string]>> = {
  grid: [
    'The grid',
    'Raw file, origin with a snapshot, and snapshot; read, breaking writes, writes to what is already broken. The floor is the same ' +
      'system calls in bare threads. A raw file has no engine: there the floor stands beside fio. Ratio is engine over floor; where ' +
      'one request is in flight the figure is the median latency, and added is what the engine adds to it.',
  ],
  curve: [
    'The curve over snapshots',
    'An origin with 0 to 64 snapshots, each with a store of its own, in process. A breaking write has to be copied to every one of ' +
      'them, and the floor copies it as often; all else has not.',
  ],
  'served-curve': [
    'The curve over snapshots, over NBD',
    'The same through servers, with fio as the client: cowring serve with 64 KiB chunks, which is what QEMU copies at least. QEMU has ' +
      'one copy-before-write filter on top of the other, each with a target of its own; none at 0, which is its bare image. ' +
      'nbdkit cow is one overlay, so it stands at 1 only; nbdkit file keeps no snapshots and stands at 0. Ours over theirs.',
  ],
  merge: [
    'Merges',
    'Idle: the bandwidth of a merge that nobody disturbs, beside a plain copy of the same ranges. Foreground: what requests on the ' +
      'origin feel of one; there the floor is the same without a merge.',
  ],
  activation: [
    'Activation',
    'engine.open of an origin whose store has so many scattered exceptions, beside one read of each area of the list that ' +
      'nobody looks at; and by how much a process of its own grows for each exception.',
  ],
  creation: [
    'Creation',
    'origin.snapshot() of sparse origins with the default durability, with so many snapshots present, beside the same calls on the ' +
      'files without an engine.',
  ],
  single: ['Single figures', 'Sizes and times that have no floor.'],
}

/** Those that have outcomes, in their order. */
export function chaptersOf(outcomes: readonly Outcome[]): Chapter[] {
  return sectionNames.flatMap((section) => {
    const own = outcomes.filter((outcome) => outcome.section === section)
    if (own.length === 0) return []
    const [title, text] = words[section]
    return [{ title, text, plots: plotsOf(section, own), table: tableOf(title, own) }]
  })
}
