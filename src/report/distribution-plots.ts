/** Distributions of latencies: how many had which, and which was not exceeded by how many. */
import { type Buckets, logarithmicBars, percentileCurve } from './distribution.js'
import type { Plot } from './document.js'
import { linePlot } from './line-plot.js'
import { latency, plain, share } from './quantity.js'

export interface NamedBuckets {
  readonly name: string
  /** In nanoseconds. */
  readonly buckets: Buckets
}

interface DistributionOptions {
  readonly title: string
  readonly distributions: readonly NamedBuckets[]
}

export const histogramPlot = ({ title, distributions }: DistributionOptions): Plot =>
  linePlot({
    title,
    description: 'How large a share of the requests had which latency; latencies are logarithmic, 12 bars a decade.',
    x: { quantity: latency, scale: 'log', label: 'latency' },
    y: { quantity: share, scale: 'linear', label: 'of the requests', includes: [0] },
    lines: distributions.map(({ name, buckets }) => ({ name, points: logarithmicBars(buckets), style: 'steps' })),
  })

export const percentilePlot = ({ title, distributions }: DistributionOptions): Plot =>
  linePlot({
    title,
    description:
      'The latency that a percentage of the requests did not exceed; every nine has as much room as the one before.',
    x: { quantity: plain, scale: 'percentile', label: 'percentile (%)' },
    y: { quantity: latency, scale: 'log', label: 'latency' },
    lines: distributions.map(({ name, buckets }) => ({ name, points: percentileCurve(buckets) })),
  })
