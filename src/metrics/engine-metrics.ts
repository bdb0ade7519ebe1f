/**
 * `cowring/metrics`: an engine's statistics and devices in the words of Prometheus.
 *
 * Nothing is counted here, and nothing is kept: what is told is read when it is asked for, all of it at the same moment.
 */
import { Registry } from 'prom-client'
import type { Engine } from '../index.js'
import { registerFigure } from './derived-metric.js'
import { deviceFigures, readDevices } from './device-figures.js'
import { engineFigures } from './engine-figures.js'

/**
 * Adds the metrics of `engine` to `registry`, a new one by default, and returns that: `metrics()` resolves with the text,
 * `contentType` is its type. docs/metrics.md lists them; counters begin with the engine, and sizes are bytes, times seconds.
 *
 * A registry takes one engine. It can be scraped at any time, also when the engine is closed: there are no devices then, and the
 * counters stay. Metrics of the process are not among them: prom-client's `collectDefaultMetrics({ register })` adds those.
 * Throws if the registry has metrics of these names.
 */
export function engineMetrics(engine: Engine, registry: Registry = new Registry()): Registry {
  const statistics = onceAScrape(() => engine.statistics())
  const devices = onceAScrape(() => readDevices(engine.mapper))
  for (const figure of engineFigures) registerFigure(registry, figure, statistics)
  for (const figure of deviceFigures) registerFigure(registry, figure, devices)
  return registry
}

/** A registry asks all its metrics in one go, before anything else has a turn; they share one look. */
function onceAScrape<Reading>(read: () => Reading): () => Reading {
  let last: { readonly reading: Reading } | undefined
  return () => {
    if (last === undefined) {
      last = { reading: read() }
      queueMicrotask(() => {
        last = undefined
      })
    }
    return last.reading
  }
}
