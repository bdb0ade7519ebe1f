/** Distributions of a run's latencies, for each direction. */
import { histogramPlot, percentilePlot } from '../../report/distribution-plots.js'
import type { Plot } from '../../report/document.js'
import type { LoadResult } from '../result/load-result.js'
import { directionsOf, totalsOf } from './direction-totals.js'

export function distributionPlots(result: LoadResult): readonly Plot[] {
  const distributions = directionsOf([result]).map((direction) => ({
    name: direction,
    buckets: totalsOf(result, direction).latency,
  }))
  return [
    histogramPlot({ title: 'Latency histogram', distributions }),
    percentilePlot({ title: 'Latency by percentile', distributions }),
  ]
}
