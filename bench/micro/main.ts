/** `npm run bench:micro`: the small steps, timed with tinybench. */
import { runMicroBench } from './micro-bench.js'
import { readSink } from './micro-cases.js'

const bench = await runMicroBench({ milliseconds: 500, iterations: 64 })

process.stdout.write(`${'step'.padEnd(48)}${'median'.padStart(12)}${'per second'.padStart(16)}\n`)
for (const { name, result } of bench.tasks) {
  if (!('latency' in result)) throw new Error(`${name}: no result (${result.state})`)
  const nanoseconds = result.latency.p50 * 1e6
  const perSecond = Math.round(result.throughput.mean).toLocaleString('en-US')
  process.stdout.write(`${name.padEnd(48)}${`${nanoseconds.toFixed(0)} ns`.padStart(12)}${perSecond.padStart(16)}\n`)
}
if (Number.isNaN(readSink())) throw new Error('a step computed nothing')
