/** `npm run bench:micro`: the small steps, timed with tinybench. */
import { Bench } from 'tinybench'
import { microCases, readSink } from './micro-cases.js'

/** Of measuring, per step, after a warm-up as long. */
const milliseconds = 500

const bench = new Bench({ time: milliseconds, warmupTime: milliseconds })
for (const { name, step } of microCases()) bench.add(name, step)
await bench.run()

process.stdout.write(`${'step'.padEnd(48)}${'median'.padStart(12)}${'per second'.padStart(16)}\n`)
for (const { name, result } of bench.tasks) {
  if (!('latency' in result)) throw new Error(`${name}: no result (${result.state})`)
  const nanoseconds = result.latency.p50 * 1e6
  const perSecond = Math.round(result.throughput.mean).toLocaleString('en-US')
  process.stdout.write(`${name.padEnd(48)}${`${nanoseconds.toFixed(0)} ns`.padStart(12)}${perSecond.padStart(16)}\n`)
}
if (Number.isNaN(readSink())) throw new Error('a step computed nothing')
