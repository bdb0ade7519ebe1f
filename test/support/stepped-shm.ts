/** The shared structures of a store with a window in: they tell the trace what becomes visible, and run a hook there. */
import { CommitCursor } from '../../src/shm/commit-cursor.js'
import { ExceptionMap } from '../../src/shm/exception-map.js'
import type { Trace } from './stepped-trace.js'

/**
 * What may be hooked: right after a chunk was found unmapped, an exception published, a position marked ready, a header given up, an
 * exception taken back.
 */
export interface ShmHooks {
  afterFailedHeader?: (() => void) | undefined
  afterPublish?: ((chunk: number) => void) | undefined
  afterMiss?: ((chunk: number) => void) | undefined
  afterReady?: ((position: number) => void) | undefined
  afterRetract?: ((chunk: number) => void) | undefined
}

export class SteppedMap extends ExceptionMap {
  readonly #name: string
  readonly #trace: Trace
  readonly #hooks: ShmHooks

  constructor(memory: readonly SharedArrayBuffer[], name: string, trace: Trace, hooks: ShmHooks) {
    super(memory)
    this.#name = name
    this.#trace = trace
    this.#hooks = hooks
  }

  override lookUp(chunk: number): number {
    const newChunk = super.lookUp(chunk)
    const hook = this.#hooks.afterMiss
    if (newChunk < 0 && hook !== undefined) hook(chunk)
    return newChunk
  }

  override publish(chunk: number, newChunk: number): void {
    super.publish(chunk, newChunk)
    this.#trace.add(`${this.#name} publish ${chunk}`)
    this.#hooks.afterPublish?.(chunk)
  }

  override retract(chunk: number): void {
    this.#trace.add(`${this.#name} retract ${chunk}`)
    super.retract(chunk)
    this.#hooks.afterRetract?.(chunk)
  }
}

export class SteppedCursor extends CommitCursor {
  readonly #name: string
  readonly #trace: Trace
  readonly #hooks: ShmHooks

  constructor(memory: SharedArrayBuffer, name: string, trace: Trace, hooks: ShmHooks) {
    super(memory)
    this.#name = name
    this.#trace = trace
    this.#hooks = hooks
  }

  override markReady(position: number, newChunk: number): void {
    super.markReady(position, newChunk)
    this.#trace.add(`${this.#name} copied ${position}`)
    this.#hooks.afterReady?.(position)
  }

  override failHeader(): void {
    super.failHeader()
    this.#hooks.afterFailedHeader?.()
  }

  override finishInvalidation(): void {
    this.#trace.add(`${this.#name} invalid`)
    super.finishInvalidation()
  }
}
