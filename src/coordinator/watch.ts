/**
 * How the client waits for news without blocking its thread: settle in microtasks while answers keep coming (their callers'
 * code runs before the next look), look briefly and yield the processor when they have lately come fast, and otherwise sleep
 * until the doorbell rings. See docs/decisions/0004-waiting.md for what each part is worth.
 */
import { IdleSpin } from '../io/idle-spin.js'
import type { Doorbell } from '../shm/doorbell.js'

/** Rounds of microtasks before the event loop gets its turn: about a millisecond at most. */
const roundsPerLoop = 16
/** How long a brief look lasts. */
const briefLookMs = 0.1
/** After a brief look in vain, this many occasions are left out: answers of a slow disk are slept for. */
const briefLooksOffAfterMiss = 4

/** What is watched for. */
export interface Watched {
  /** Takes in what is there; true if there was anything. */
  takeNews(): boolean
  readonly hasNews: () => boolean
  /** True when nothing can come any more: the watch ends until it is started again. */
  isQuiet(): boolean
}

export class Watch {
  readonly #watched: Watched
  readonly #bell: Doorbell
  readonly #idle = new IdleSpin()
  #running = false
  #rounds = 0
  #briefLooksOff = 0

  constructor(watched: Watched, bell: Doorbell) {
    this.#watched = watched
    this.#bell = bell
  }

  start(): void {
    if (this.#running) return
    this.#running = true
    setImmediate(this.#look)
  }

  readonly #look = (): void => {
    const news = this.#watched.takeNews() || (this.#lookBriefly() && this.#watched.takeNews())
    if (this.#watched.isQuiet()) {
      this.#running = false
      return
    }
    if (news && this.#rounds < roundsPerLoop) {
      this.#rounds++
      queueMicrotask(this.#look)
      return
    }
    this.#rounds = 0
    if (news) setImmediate(this.#look)
    else this.#sleep()
  }

  #lookBriefly(): boolean {
    if (this.#briefLooksOff > 0) {
      this.#briefLooksOff--
      return false
    }
    if (this.#idle.lookFor(this.#watched.hasNews, briefLookMs)) return true
    this.#briefLooksOff = briefLooksOffAfterMiss
    return false
  }

  #sleep(): void {
    const seen = this.#bell.read()
    this.#bell.announceSleep() // R3
    // The second look takes in what rings before the sleep was announced: answers, and control messages carried out.
    const rung = this.#watched.takeNews() ? undefined : this.#bell.waitAsync(seen)
    if (rung === undefined) {
      this.#bell.announceAwake()
      setImmediate(this.#look)
      return
    }
    void rung.then(this.#wake)
  }

  readonly #wake = (): void => {
    this.#bell.announceAwake()
    this.#look()
  }
}
