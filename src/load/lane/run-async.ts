/** Runs a lane on the engine's thread, between everything else that happens there. */
import type { ControlWords } from './control-words.js'
import type { Lane } from './lane.js'
import type { AsyncQueue } from './queue.js'
import type { RunClock } from './run-clock.js'

/** Timers are late by as much; shorter waits go round the event loop instead. */
const timerErrorMs = 1.5
const heldMs = 1
/** So that a lane with nothing in flight hears that it is to stop, and reports in time. */
const waitMsMax = 50

export function runAsync(lane: Lane, queue: AsyncQueue, clock: RunClock, control: ControlWords): Promise<void> {
  control.entered()
  return new Promise((resolve) => {
    let isStill = false
    let timer: NodeJS.Timeout | undefined
    let immediate: NodeJS.Immediate | undefined
    const later = (milliseconds: number): void => {
      if (timer !== undefined || immediate !== undefined) return
      if (milliseconds < timerErrorMs) immediate = setImmediate(pump)
      else timer = setTimeout(pump, Math.min(milliseconds - timerErrorMs, waitMsMax))
    }
    const pump = (): void => {
      clearTimeout(timer)
      if (immediate !== undefined) clearImmediate(immediate)
      timer = undefined
      immediate = undefined
      if (control.isStopped) lane.stop()
      const isHeld = control.isHeld && !control.isStopped
      if (isHeld !== isStill && (isStill || lane.inFlight === 0)) {
        isStill = isHeld
        control.beStill(isStill)
      }
      const freeMs = isHeld ? heldMs + timerErrorMs : lane.issue(clock.now())
      if (lane.isDone) {
        if (isStill) control.beStill(false)
        lane.finish()
        control.left()
        resolve()
      } else if (freeMs < Number.POSITIVE_INFINITY || lane.inFlight === 0) later(freeMs)
    }
    queue.onEnd = (slot, errno) => {
      lane.ended(slot, errno, clock.now())
      pump()
    }
    pump()
  })
}
