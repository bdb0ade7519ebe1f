/** fio's figures of bandwidth and requests per interval: their spread over a run. */
import type { DirectionName, JobResult, LoadResult, SeriesPoint } from './load-result.js'

interface Spread {
  readonly min: number
  readonly max: number
  readonly mean: number
  readonly deviation: number
  readonly samples: number
}

/** From the first to the last interval in which it worked. No samples where other jobs work in that direction, too. */
export function fioSeries(result: LoadResult, job: JobResult, direction: DirectionName): Record<string, number> {
  const isAlone = result.jobs.every((other) => other === job || other.directions[direction].requests === 0)
  const measured = isAlone ? result.series.filter((point) => !point.isRamp && point.seconds > 0) : []
  const isBusy = (point: SeriesPoint): boolean => point.directions[direction].requests > 0
  const points = measured.slice(Math.max(0, measured.findIndex(isBusy)), measured.findLastIndex(isBusy) + 1)
  const kibibytes = spreadOf(points.map((point) => point.directions[direction].bytes / 1024 / point.seconds))
  const requests = spreadOf(points.map((point) => point.directions[direction].requests / point.seconds))
  return {
    bw_min: Math.floor(kibibytes.min),
    bw_max: Math.floor(kibibytes.max),
    bw_agg: 0,
    bw_mean: kibibytes.mean,
    bw_dev: kibibytes.deviation,
    bw_samples: kibibytes.samples,
    iops_min: Math.floor(requests.min),
    iops_max: Math.floor(requests.max),
    iops_mean: requests.mean,
    iops_stddev: requests.deviation,
    iops_samples: requests.samples,
  }
}

function spreadOf(values: readonly number[]): Spread {
  if (values.length === 0) return { min: 0, max: 0, mean: 0, deviation: 0, samples: 0 }
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  return {
    min: values.reduce((least, value) => Math.min(least, value)),
    max: values.reduce((most, value) => Math.max(most, value)),
    mean,
    // Of a sample, as fio has it.
    deviation: values.length > 1 ? Math.sqrt(squares / (values.length - 1)) : 0,
    samples: values.length,
  }
}
