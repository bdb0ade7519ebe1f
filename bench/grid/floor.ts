/** The floor's side: its files, its threads, and passes over them. */
import { closeSync, ftruncateSync, openSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { present } from '../../src/base/assert.js'
import { sectorBytes } from '../../src/base/units.js'
import { dataChunk, geometryOf } from '../../src/format/geometry.js'
import type { BlockFileDescriptor } from '../../src/io/block-file.js'
import { chunkOrder } from './addresses.js'
import {
  type FloorJob,
  type FloorStart,
  firstWriteJob,
  floorWord,
  steadyJob,
  type ThreadPass,
  worksOnStore,
} from './floor-job.js'
import { floorThreads, type GridCase, isFirstWrite, timesEach } from './grid-case.js'
import type { PassResult, Side } from './pass.js'
import type { Workplace } from './workplace.js'

export class Floor implements Side {
  readonly #threads: readonly Worker[]
  readonly #words: Int32Array
  readonly #fds: readonly number[]
  readonly #storeFds: readonly number[]
  readonly #storeBytes: number

  static start(grid: GridCase, place: Workplace): Floor {
    return new Floor(grid, place)
  }

  private constructor(grid: GridCase, place: Workplace) {
    const originFd = openSync(place.origin('floor'), 'r+')
    const first = isFirstWrite(grid.work)
    const storeCount = first ? grid.snapshots : worksOnStore(grid.work) ? 1 : 0
    const storePaths = Array.from({ length: storeCount }, (_, index) => place.path(`floor-${index}.cow`))
    this.#storeFds = storePaths.map((path) => (first ? openSync(path, 'w+') : openSync(place.fill(path), 'r+')))
    this.#fds = [originFd, ...this.#storeFds]
    const chunkCount = place.originBytes / grid.chunkBytes
    const geometry = geometryOf(grid.chunkBytes / sectorBytes)
    this.#storeBytes = first ? (dataChunk(geometry, chunkCount) + 1) * grid.chunkBytes : 0
    const origin = descriptorOf(originFd, place.originBytes)
    const stores = this.#storeFds.map((fd) => descriptorOf(fd, this.#storeBytes))
    const job = first
      ? firstWriteJob(grid, origin, stores, chunkOrder(chunkCount, grid.order))
      : steadyJob(grid, stores[0] ?? origin, place.originBytes)
    const shared = new SharedArrayBuffer(floorWord.count * 4)
    this.#words = new Int32Array(shared)
    this.#threads = startThreads(job, floorThreads(grid), shared, timesEach(grid))
  }

  /** Empties the stores: first writes go to blocks that do not exist yet, as the engine's do. */
  async rewind(): Promise<void> {
    for (const fd of this.#storeBytes > 0 ? this.#storeFds : []) {
      ftruncateSync(fd, 0)
      ftruncateSync(fd, this.#storeBytes)
    }
  }

  async pass(seconds: number): Promise<PassResult> {
    this.#words.fill(0)
    const passes = await Promise.all(this.#threads.map((thread) => runThread(thread, seconds)))
    const startedMs = Math.min(...passes.map((pass) => pass.startedMs))
    const endedMs = Math.max(...passes.map((pass) => pass.endedMs))
    return {
      operations: passes.reduce((sum, { operations }) => sum + operations, 0),
      seconds: (endedMs - startedMs) / 1000,
      medianMicroseconds: present(passes[0], 'a floor has a thread').medianMicroseconds,
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.terminate()))
    for (const fd of this.#fds) closeSync(fd)
  }
}

function startThreads(job: FloorJob, threads: number, shared: SharedArrayBuffer, timesEach: boolean): Worker[] {
  return Array.from({ length: threads }, (_, thread) => {
    const workerData: FloorStart = { thread, threads, job, shared, timesEach }
    return new Worker(new URL('./floor-thread.js', import.meta.url), { workerData })
  })
}

function runThread(thread: Worker, seconds: number): Promise<ThreadPass> {
  return new Promise((resolve, reject) => {
    const settle = () => {
      thread.off('message', onMessage)
      thread.off('error', onError)
    }
    const onMessage = (pass: ThreadPass) => {
      settle()
      resolve(pass)
    }
    const onError = (error: unknown) => {
      settle()
      reject(error)
    }
    thread.on('message', onMessage)
    thread.on('error', onError)
    thread.postMessage(seconds)
  })
}

export const descriptorOf = (fd: number, sizeBytes: number): BlockFileDescriptor => ({
  kind: 'file',
  fd,
  backend: 'libc',
  isBlockDevice: false,
  sizeBytes,
  flushFailure: new SharedArrayBuffer(4),
})
