/**
 * A metric whose values are read when somebody asks for them. prom-client's own are counted up by their users; the engine's
 * figures are counted already, in shared memory, and some by a histogram that a `Histogram` cannot be given.
 */
import type { Gauge, Registry } from 'prom-client'

export interface Sample {
  readonly labels?: Readonly<Record<string, string | number>>
  readonly value: number
  /** Of a histogram's series: what its name ends with. */
  readonly suffix?: '_bucket' | '_sum' | '_count'
}

/** What a metric is called, and how it is read out of what was looked at. */
export interface Figure<Reading> {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly labels: readonly string[]
  readonly samples: (reading: Reading) => readonly Sample[]
}

export function registerFigure<Reading>(registry: Registry, figure: Figure<Reading>, read: () => Reading): void {
  // Registries ask a metric for no more than this; their types name prom-client's own classes.
  registry.registerMetric(new DerivedMetric(figure, read) as unknown as Gauge<string>)
}

class DerivedMetric<Reading> {
  /** A registry that speaks OpenMetrics takes the `_total` off, and puts it behind each value. */
  name: string
  readonly help: string
  readonly type: Figure<Reading>['type']
  readonly aggregator = 'sum'
  readonly #figure: Figure<Reading>
  readonly #read: () => Reading

  constructor(figure: Figure<Reading>, read: () => Reading) {
    this.name = figure.name
    this.help = figure.help
    this.type = figure.type
    this.#figure = figure
    this.#read = read
  }

  async get() {
    const { aggregator, help, name, type } = this
    const values = this.#figure.samples(this.#read()).map(({ labels = {}, suffix, value }) => ({
      labels: { ...labels },
      value,
      ...(suffix === undefined ? {} : { metricName: `${name}${suffix}` }),
    }))
    return { name, help, type, aggregator, values }
  }

  /** What it shows is the engine's, and is not reset. */
  reset(): void {}
}
