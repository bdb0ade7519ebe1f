/** A thread with a seat in an engine, that runs what a test asks of it: the body of a function of `attached`, `volume` and `words`. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { Engine } from 'cowring'

const source = `
const { workerData, parentPort } = require('node:worker_threads')
import('cowring').then(async ({ Engine }) => {
  const attached = Engine.attach(workerData.token)
  const volume = await attached.open(workerData.device)
  const words = new Int32Array(workerData.words)
  parentPort.postMessage('open')
  const Async = Object.getPrototypeOf(async () => {}).constructor
  parentPort.on('message', async (body) => {
    try {
      parentPort.postMessage({ result: await new Async('attached', 'volume', 'words', body)(attached, volume, words) })
    } catch (error) {
      parentPort.postMessage({ code: error.code ?? String(error), message: error.message })
    }
  })
})`

export interface Told {
  readonly result?: unknown
  readonly code?: string
  readonly message?: string
}

export class AttachedThread implements AsyncDisposable {
  readonly worker: Worker
  /** Shared with the thread's code. */
  readonly words: Int32Array

  static async start(engine: Engine, device: string): Promise<AttachedThread> {
    const thread = new AttachedThread(engine, device)
    const [first] = await once(thread.worker, 'message')
    if (first !== 'open') throw new Error(`the thread said ${JSON.stringify(first)}`)
    return thread
  }

  private constructor(engine: Engine, device: string) {
    const token = engine.share()
    const memory = new SharedArrayBuffer(64)
    this.words = new Int32Array(memory)
    this.worker = new Worker(source, {
      eval: true,
      workerData: { token, device, words: memory },
      transferList: [token.port],
    })
  }

  /** Begins; its end is what resolves. */
  async run(body: string): Promise<Told> {
    this.worker.postMessage(body)
    const [told] = await once(this.worker, 'message')
    return told
  }

  /** Waits until the thread's code has made a word this or more. */
  async reaches(index: number, value: number): Promise<void> {
    while (Atomics.load(this.words, index) < value) await new Promise((resolve) => setTimeout(resolve, 1))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.worker.terminate()
  }
}
