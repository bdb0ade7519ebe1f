/** What a lane's own thread runs. */
import type { MessagePort } from 'node:worker_threads'
import type { ThreadPlace } from '../target/open-target.js'
import { fillWithOwnSectors } from './buffers.js'
import { ControlWords } from './control-words.js'
import { FileQueue } from './file-queue.js'
import type { LaneEnd, LaneMessage, LaneTask } from './lane-task.js'
import { makeLane } from './make-lane.js'
import type { BlockingQueue } from './queue.js'
import { runBlocking } from './run-blocking.js'
import { RunClock } from './run-clock.js'

export interface ThreadTask {
  readonly task: LaneTask
  readonly place: ThreadPlace
  /** Where reports go; they leave while the thread blocks. */
  readonly port: MessagePort
}

export async function run({ place, port, task }: ThreadTask): Promise<LaneEnd> {
  try {
    await using opened = await openQueue(place, task)
    const { queue } = opened
    for (const buffer of queue.buffers) fillWithOwnSectors(buffer)
    const clock = new RunClock(task.startedAt)
    const control = new ControlWords(task.control)
    control.waitForGroup(task.group)
    const tell = (message: LaneMessage): void => port.postMessage(message)
    const { checks, lane } = makeLane(task, queue, { clock, control }, tell)
    runBlocking(lane, queue, clock, control)
    return { failure: lane.failure, sectorsChecked: checks?.sectorsChecked ?? 0 }
  } finally {
    port.close()
  }
}

interface OpenedQueue extends AsyncDisposable {
  readonly queue: BlockingQueue
}

/** Each kind loads what it needs and no more: there may be many threads to start. */
async function openQueue(place: ThreadPlace, { bufferBytes, depth }: LaneTask): Promise<OpenedQueue> {
  if (place.kind === 'engine') {
    const { Engine } = await import('../../index.js')
    const { PlaceQueue } = await import('./place-queue.js')
    const engine = Engine.attach(place.token)
    const volume = await engine.open(place.device)
    const queue = new PlaceQueue(volume, engine.buffer, bufferBytes)
    return { queue, [Symbol.asyncDispose]: () => engine.close() }
  }
  const queue = place.kind === 'file' ? new FileQueue(place.file, bufferBytes) : await nbdQueue(place.uri)
  return { queue, [Symbol.asyncDispose]: async () => queue.close() }

  async function nbdQueue(uri: string): Promise<BlockingQueue> {
    const { NbdLaneQueue } = await import('./nbd-lane-queue.js')
    return new NbdLaneQueue(uri, depth, bufferBytes)
  }
}
