/** Runs a piece of a test in a thread that may block, so that a server of the test's own thread can answer it. */
import { Worker } from 'node:worker_threads'

type Bench = typeof import('./queue-bench.js')

export class ThreadFailed extends Error {
  override readonly name = 'ThreadFailed'
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

const source = `
  const { parentPort, workerData } = require('node:worker_threads')
  import(workerData.module).then((bench) => {
    const body = eval('(' + workerData.body + ')')
    parentPort.postMessage({ result: body(bench, workerData.words) })
  }).catch((error) => parentPort.postMessage({ code: error.code ?? error.name, message: error.message }))`

/** `body` sees its arguments and nothing else; what it answers must be plain. Fails with ThreadFailed. */
export function inThread<Words, Result>(words: Words, body: (bench: Bench, words: Words) => Result): Promise<Result> {
  const module = new URL('../../../dist/test/support/nbd/queue-bench.js', import.meta.url).href
  const worker = new Worker(source, { eval: true, workerData: { body: body.toString(), module, words } })
  return new Promise((resolve, reject) => {
    worker.once('error', reject)
    worker.once('message', (answer) => {
      if ('result' in answer) resolve(answer.result)
      else reject(new ThreadFailed(answer.code, answer.message))
    })
  })
}
