/** `npm run fuzz:nbd [-- --seed N] [--streams N] [--seconds N] [--only N]`: the protocol's fuzzer, for as long as there is time. */
import { parseArgs } from 'node:util'
import { fuzz } from './fuzz.js'

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    streams: { type: 'string' },
    seconds: { type: 'string' },
    only: { type: 'string' },
  },
})
const seed = Number(values.seed ?? Date.now() % 2 ** 31)
const only = values.only === undefined ? undefined : Number(values.only)
const started = performance.now()
try {
  const sent = await fuzz({
    seed,
    streams: Number(values.streams ?? Number.POSITIVE_INFINITY),
    seconds: Number(values.seconds ?? 600),
    ...(only === undefined ? {} : { only }),
  })
  console.log(`${sent} streams, seed ${seed}: ${((performance.now() - started) / 1000).toFixed(1)} s`)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
