/** A rival's turn, which may fail: then its row says why, and what else is measured goes on. */
import type { PassResult, Side } from './pass.js'

export class RivalAttempt {
  #failure: string | undefined

  /** Why it gave no figure; `undefined` if nothing has failed so far. */
  get failure(): string | undefined {
    return this.#failure
  }

  /** `undefined` if it failed, now or before. */
  async try<Result>(work: () => Promise<Result>): Promise<Result | undefined> {
    if (this.#failure !== undefined) return undefined
    try {
      return await work()
    } catch (error) {
      this.#failure = `it failed: ${error instanceof Error ? error.message : String(error)}`
      return undefined
    }
  }
}

const nothing: PassResult = { operations: 0, seconds: Number.NaN, medianMicroseconds: Number.NaN }

/** A rival among the sides of a round. */
export class RivalSide implements Side {
  readonly isWhole = true
  readonly #side: Side
  readonly #attempt = new RivalAttempt()

  constructor(side: Side) {
    this.#side = side
  }

  get failure(): string | undefined {
    return this.#attempt.failure
  }

  async rewind(): Promise<void> {
    await this.#attempt.try(() => this.#side.rewind())
  }

  async pass(seconds: number): Promise<PassResult> {
    return (await this.#attempt.try(() => this.#side.pass(seconds))) ?? nothing
  }

  async close(): Promise<void> {
    await this.#attempt.try(() => this.#side.close())
  }
}
