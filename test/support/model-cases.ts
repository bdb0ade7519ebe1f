/** The ways in which a model test is run: who serves the files, how many threads, how much at once. */
import type { ModelRun } from './model-run.js'

const usual = { io: 'libc', sources: 'file', direct: false } as const

export const modelCases: readonly { readonly name: string; readonly run: Omit<ModelRun, 'seed'> }[] = [
  { name: 'one request at a time, one worker', run: { ...usual, workers: 1, operations: 1000, concurrent: false } },
  { name: 'one request at a time, two workers', run: { ...usual, workers: 2, operations: 1000, concurrent: false } },
  { name: 'many requests at once, one worker', run: { ...usual, workers: 1, operations: 500, concurrent: true } },
  { name: 'many requests at once, two workers', run: { ...usual, workers: 2, operations: 800, concurrent: true } },
  { name: 'many requests at once, four workers', run: { ...usual, workers: 4, operations: 500, concurrent: true } },
  { name: 'node:fs', run: { ...usual, io: 'node', workers: 2, operations: 400, concurrent: true } },
  { name: 'memory', run: { ...usual, sources: 'memory', workers: 2, operations: 400, concurrent: true } },
]

export const directRun: Omit<ModelRun, 'seed'> = {
  ...{ ...usual, direct: true },
  ...{ workers: 2, operations: 150, concurrent: true },
}
