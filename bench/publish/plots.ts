/** The plots of the chapters. Everything that knows how plots are made is asked from here. */
import { type Bar, barPlot } from '../../src/report/bar-plot.js'
import { countPlot } from '../../src/report/curve-plots.js'
import type { Plot } from '../../src/report/document.js'
import { bandwidth, latency, type Quantity, ratio } from '../../src/report/quantity.js'
import { targetText } from '../grid/figure-text.js'
import { isDisturbed, type Outcome, type SectionName } from '../grid/outcome.js'
import { shortText, volumeOf } from './case-words.js'

/** A plot, and what its file is called, without an ending. */
export interface NamedPlot {
  readonly name: string
  readonly plot: Plot
}

export function plotsOf(section: SectionName, outcomes: readonly Outcome[]): NamedPlot[] {
  return outcomes.length === 0 ? [] : makers[section](outcomes)
}

type PlotMaker = (outcomes: readonly Outcome[]) => NamedPlot[]

/** As the tables have it; short enough for the ticks of an axis. */
const perSecond: Quantity = [
  { size: 1, name: '/s' },
  { size: 1e3, name: 'k/s' },
  { size: 1e6, name: 'M/s' },
]

/** Only what is missed has words beside it, and a `?` if others were about. */
function noteOf(outcome: Outcome): string {
  const doubt = isDisturbed(outcome) ? '?' : ''
  return outcome.target !== null && outcome.reached === false ? `MISSED ${targetText(outcome.target)}${doubt}` : doubt
}

const volumes = ['raw', 'origin', 'snapshot']
const nanosecondsIn: Readonly<Record<string, number>> = { µs: 1e3, ms: 1e6, s: 1e9 }
const nanoseconds = (value: number, unit: string): number => value * (nanosecondsIn[unit] ?? Number.NaN)

/** `of` answers `undefined` for what is not on the plot. */
function bars(
  outcomes: readonly Outcome[],
  name: (outcome: Outcome) => string,
  of: (outcome: Outcome) => number | null,
) {
  return outcomes.flatMap((outcome): Bar[] => {
    const value = of(outcome)
    if (value === null) return []
    const note = noteOf(outcome)
    const kind = Math.max(0, volumes.indexOf(volumeOf(outcome)))
    return [{ name: name(outcome), value, kind, ...(note === '' ? {} : { note }) }]
  })
}

const gridPlots: PlotMaker = (outcomes) => {
  const isBreaking = ({ parameters }: Outcome) => String(parameters.work).includes('first-write')
  const ratioOf = ({ added, ratio: value }: Outcome) => (added === null ? value : null)
  const ratioPlot = (name: string, title: string, chosen: readonly Outcome[]): NamedPlot => ({
    name,
    plot: barPlot({
      title,
      description: 'Operations a second of the engine, over those of the same system calls without it.',
      quantity: ratio,
      bars: bars(chosen, shortText, ratioOf),
    }),
  })
  return [
    { name: 'grid-raw', plot: rawPlot(outcomes.filter(({ engine }) => engine === null)) },
    ratioPlot('grid-breaking', 'Breaking: engine / floor', outcomes.filter(isBreaking)),
    ratioPlot(
      'grid-broken',
      'Reads, and already broken: engine / floor',
      outcomes.filter((outcome) => !isBreaking(outcome)),
    ),
    {
      name: 'grid-added',
      plot: barPlot({
        title: 'What the engine adds at depth 1',
        description: 'Median latency at the caller, less that of the same system calls without an engine.',
        quantity: latency,
        bars: bars(outcomes, shortText, ({ added, unit }) => (added === null ? null : nanoseconds(added, unit))),
      }),
    },
  ]
}

function rawPlot(outcomes: readonly Outcome[]): Plot {
  const throughput = outcomes.filter(({ unit }) => unit === '/s')
  const both = throughput.flatMap((outcome): Bar[] => {
    const bytes = Number(outcome.parameters.ioBytes)
    const own = { name: `floor, ${shortText(outcome)}`, value: (outcome.floor ?? Number.NaN) * bytes, kind: 0 }
    const others = outcome.rivals.flatMap(({ name, value }) =>
      value === null ? [] : [{ name: `${name}, ${shortText(outcome)}`, value: value * bytes, kind: 1 }],
    )
    return [own, ...others]
  })
  return barPlot({
    title: 'Raw: the floor beside fio',
    description: 'Bytes a second of the system calls on a file without snapshots.',
    quantity: bandwidth,
    bars: both,
  })
}

type Point = readonly [at: number, value: number]
const pointsOf = (
  outcomes: readonly Outcome[],
  at: string,
  value: (outcome: Outcome) => number | null | undefined,
): Point[] => outcomes.map((outcome) => [Number(outcome.parameters[at]), value(outcome) ?? Number.NaN])
const hasPoint = ({ points }: { readonly points: readonly Point[] }) => points.some(([, value]) => !Number.isNaN(value))

const curveWorks = [
  ['origin-first-write', 'breaking', 'Breaking writes'],
  ['origin-rewrite', 'broken', 'Already broken'],
  ['origin-read', 'read', 'Reads'],
] as const

const curvePlots: PlotMaker = (outcomes) =>
  curveWorks.map(([work, name, title]) => {
    const chosen = outcomes.filter(({ parameters }) => parameters.work === work)
    const plot = countPlot({
      title: `${title}, by snapshots`,
      description: 'Random requests of 4 KiB a second, with more and more snapshots of the origin.',
      counted: 'snapshots',
      y: { quantity: perSecond, scale: 'log' },
      lines: [
        { name: 'engine', points: pointsOf(chosen, 'snapshots', ({ engine }) => engine) },
        { name: 'floor: the same system calls', points: pointsOf(chosen, 'snapshots', ({ floor }) => floor) },
      ],
    })
    return { name: `curve-${name}`, plot }
  })

const servedWorks = [
  ['first-write', 'breaking', 'Breaking, over NBD'],
  ['rewrite', 'broken', 'Already broken, over NBD'],
] as const

const servedPlots: PlotMaker = (outcomes) =>
  servedWorks.map(([work, name, title]) => {
    const chosen = outcomes.filter(({ parameters }) => parameters.work === work)
    const rivalNames = [...new Set(chosen.flatMap(({ rivals }) => rivals.map((rival) => rival.name)))]
    const lines = rivalNames.map((rivalName) => ({
      name: rivalName,
      points: pointsOf(chosen, 'snapshots', ({ rivals }) => rivals.find((rival) => rival.name === rivalName)?.value),
    }))
    const ours = { name: 'cowring, 64 KiB chunks', points: pointsOf(chosen, 'snapshots', ({ engine }) => engine) }
    const plot = countPlot({
      title: `${title}, by snapshots`,
      description: 'Random requests of 4 KiB a second as fio sees them, with more and more snapshots of the origin.',
      counted: 'snapshots',
      y: { quantity: perSecond, scale: 'log' },
      lines: [ours, ...lines].filter(hasPoint),
    })
    return { name: `served-${name}`, plot }
  })

const mergePlots: PlotMaker = (outcomes) => [
  {
    name: 'merge-idle',
    plot: barPlot({
      title: 'Idle merges: engine / floor',
      description: 'Bandwidth of a merge, over that of a plain copy of the same ranges.',
      quantity: ratio,
      bars: bars(
        outcomes.filter(({ parameters }) => parameters.kind === 'idle'),
        ({ case: name }) => name.replace('merge/idle/', ''),
        (outcome) => outcome.ratio,
      ),
    }),
  },
]

const activationPlots: PlotMaker = (outcomes) => {
  const times = outcomes.filter(({ unit }) => unit === 'ms')
  const plot = countPlot({
    title: 'Activation, by exceptions',
    description: 'How long opening an origin takes whose store has so many exceptions.',
    counted: 'exceptions',
    y: { quantity: latency, scale: 'log' },
    lines: [
      {
        name: 'engine.open',
        points: pointsOf(times, 'exceptions', ({ engine, unit }) => nanoseconds(engine ?? Number.NaN, unit)),
      },
      {
        name: 'floor: reading the lists',
        points: pointsOf(times, 'exceptions', ({ floor, unit }) => nanoseconds(floor ?? Number.NaN, unit)),
      },
    ],
  })
  return [{ name: 'activation', plot }]
}

const creationPlots: PlotMaker = (outcomes) => [
  {
    name: 'creation',
    plot: barPlot({
      title: 'Taking a snapshot',
      description: 'How long origin.snapshot() takes, with so many snapshots present already.',
      quantity: latency,
      bars: bars(
        outcomes,
        ({ case: name }) => name.replace('creation/', ''),
        ({ engine, unit }) => nanoseconds(engine ?? Number.NaN, unit),
      ),
    }),
  },
]

const makers: Readonly<Record<SectionName, PlotMaker>> = {
  grid: gridPlots,
  curve: curvePlots,
  'served-curve': servedPlots,
  merge: mergePlots,
  activation: activationPlots,
  creation: creationPlots,
  single: () => [],
}
