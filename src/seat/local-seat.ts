/**
 * The coordinator's own seat: requests in place on the thread that the engine was started on.
 *
 * That thread must not wait for itself: it carries out the steps of a merge, opens the gates of suspended devices, and finds
 * out that a worker has died. So requests that would have to wait for one of these are refused (DEVICE_BUSY), and one that a dead
 * worker keeps waiting is given up (WORKER_DIED): it is carried on in the background until nothing of it is left, and its
 * outcome is not known. What stores raise (one is full and can be extended, an invalidation is to be remembered) is dealt with
 * while the request waits.
 */
import { statusNumbers } from '../base/errors.js'
import type { InPlace } from '../coordinator/in-place.js'
import type { Machinery } from '../coordinator/machinery.js'
import type { ControlFrame } from '../wire/control-message.js'
import { Seat, stagingBytes } from './seat.js'
import { requestBytes, SeatRequests } from './seat-requests.js'

/** How long a request in place may wait for other threads. They need milliseconds, if they live. */
const waitMsMax = 10_000
const pumpEveryMs = 10

/** Fails with LIMIT_EXCEEDED, ARENA_FULL. */
export function localRequests(machinery: Machinery): InPlace {
  const frames: ControlFrame[] = []
  const ownBytes = requestBytes + stagingBytes
  const { ownOffset, start } = machinery.takeSeat(ownBytes, (frame) => {
    if (frames.push(frame) === 1) queueMicrotask(hear)
  })
  const receive = () => frames.shift()
  const wait = { msMax: waitMsMax, onWaiting: () => machinery.lookForEvents(), onStalled: pump }
  const seat = new Seat({ start, ownOffset, ownBytes, receive, wait })
  // It is inside while something is stalled, and while listeners are told of what it has raised itself.
  return new SeatRequests(seat, (device) => (seat.isInside ? statusNumbers.DEVICE_BUSY : seat.tryEnter(device)))

  /** At once, so that what it has forgotten can go although no request may ever follow. */
  function hear(): void {
    if (seat.isInside) return
    const frame = frames.shift()
    if (frame !== undefined) seat.listen(frame)
  }

  /** Until what was given up is over. */
  function pump(): void {
    const unwatch = machinery.client.watch()
    const timer = setInterval(() => {
      if (!seat.goOn()) return
      clearInterval(timer)
      unwatch()
    }, pumpEveryMs)
  }
}
