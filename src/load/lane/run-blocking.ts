/** Runs a lane on a thread that may block. */
import type { ControlWords } from './control-words.js'
import type { Lane } from './lane.js'
import type { BlockingQueue } from './queue.js'
import type { RunClock } from './run-clock.js'

/** Blocked no longer than this, a lane hears that it is to stop, and reports in time. */
const blockedMsMax = 50
/** What sleeping may take longer than asked; the rest of a wait is spent looking at the clock. */
const sleepErrorMs = 0.2

export function runBlocking(lane: Lane, queue: BlockingQueue, clock: RunClock, control: ControlWords): void {
  control.entered()
  try {
    let nowMs = clock.now()
    for (;;) {
      if (control.isStopped) lane.stop()
      const isHeld = control.isHeld && !control.isStopped
      const freeMs = isHeld ? Number.POSITIVE_INFINITY : lane.issue(nowMs)
      if (lane.isDone) return
      const ended = lane.inFlight === 0 ? 0 : queue.wait(freeMs < 1 ? 0 : Math.min(freeMs, blockedMsMax))
      if (ended === 0 && lane.inFlight === 0) {
        if (isHeld) control.rest()
        else sleep(Math.min(freeMs, blockedMsMax), control)
      }
      nowMs = clock.now()
      for (let index = 0; index < ended; index++) {
        lane.ended(queue.completed[index] as number, queue.errnos[index] as number, nowMs)
      }
    }
  } finally {
    lane.finish()
    control.left()
  }
}

function sleep(milliseconds: number, control: ControlWords): void {
  if (milliseconds > sleepErrorMs) control.pause(milliseconds - sleepErrorMs)
}
