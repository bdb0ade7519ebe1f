/** The floor's side of an idle merge: a thread that copies the same ranges of the same files without an engine. */

import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { descriptorOf } from '../floor.js'
import type { CopyJob } from './copy-job.js'
import type { MergeFiles } from './merge-files.js'

export class CopyFloor {
  readonly #fds: readonly number[]
  readonly #thread: Worker

  constructor(files: MergeFiles) {
    const originFd = openSync(files.origin, 'r+')
    const cowFd = openSync(files.cow, 'r')
    this.#fds = [originFd, cowFd]
    const workerData: CopyJob = {
      cow: descriptorOf(cowFd, files.cowBytes),
      origin: descriptorOf(originFd, files.originBytes),
      ranges: files.ranges(),
    }
    this.#thread = new Worker(new URL('./copy-thread.js', import.meta.url), { workerData })
  }

  /** Copies everything once; how many seconds that took. */
  async copy(): Promise<number> {
    const answer = once(this.#thread, 'message')
    this.#thread.postMessage('copy')
    const [seconds] = await answer
    return seconds
  }

  async close(): Promise<void> {
    await this.#thread.terminate()
    for (const fd of this.#fds) closeSync(fd)
  }
}
