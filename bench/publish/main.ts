/** `npm run bench:publish`: docs/benchmarks.md and its plots, from docs/benchmarks/results.jsonl. */
import { publish } from './published-files.js'

const docs = new URL('../../../docs/', import.meta.url).pathname
for (const name of publish(docs)) process.stdout.write(`docs/${name}\n`)
