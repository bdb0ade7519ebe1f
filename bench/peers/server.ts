/**
 * A server for one measurement: a program that listens at a Unix socket, and the exports in it that are worth asking for.
 *
 * Guarantees: `listen` returns when the server greets who connects, or throws and leaves nothing running; `stop` when the program has ended.
 */
import { statSync } from 'node:fs'
import { connect } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { type Started, start } from './programs.js'

/** Node with its compile cache cold takes under one; a machine with others on it, a few. */
const startMsMax = 20_000
/** A server that is asked to end has nothing to write back that would take longer. */
const stopMsMax = 5_000
const pollMs = 10

const blockBytes = 512

/** Where a server keeps the chunks it has copied or redirected: a path, or a function from its process to one. */
export type StorePath = string | ((processId: number) => string)

export class Server {
  readonly #socket: string
  readonly #started: Started
  readonly #store: StorePath | undefined
  #end: string | undefined

  private constructor(socket: string, started: Started, store: StorePath | undefined) {
    this.#socket = socket
    this.#started = started
    this.#store = store
    started.ended.then((end) => {
      this.#end = end
    })
  }

  static async listen(
    program: string,
    words: readonly string[],
    socket: string,
    store?: StorePath,
    environment: Record<string, string> = {},
  ): Promise<Server> {
    const started = start(program, words, environment)
    // Nobody reads it, and a full pipe would stop the server.
    started.child.stdout?.resume()
    const server = new Server(socket, started, store)
    try {
      const latest = performance.now() + startMsMax
      while (!(await greets(socket))) {
        server.assertRunning()
        if (performance.now() > latest) throw new Error(`${program} has not come up in ${startMsMax / 1000} s`)
        await pause(pollMs)
      }
    } catch (error) {
      await server.stop()
      throw error
    }
    return server
  }

  uri(exportName: string): string {
    return `nbd+unix:///${exportName}?socket=${this.#socket}`
  }

  assertRunning(): void {
    if (this.#end !== undefined) {
      throw new Error(`the server has ended (${this.#end}): ${this.#started.complaint() || 'it said nothing'}`)
    }
  }

  /** Bytes that the store occupies by now; `undefined` for a server without one. */
  storeBytes(): number | undefined {
    const { pid } = this.#started.child
    if (this.#store === undefined || pid === undefined) return undefined
    return statSync(typeof this.#store === 'string' ? this.#store : this.#store(pid)).blocks * blockBytes
  }

  /** What the server has said about itself, for an error that its client has noticed. */
  complaint(): string {
    return this.#started.complaint()
  }

  async stop(): Promise<void> {
    this.#started.child.kill('SIGTERM')
    const timer = setTimeout(() => this.#started.child.kill('SIGKILL'), stopMsMax)
    await this.#started.ended
    clearTimeout(timer)
  }
}

/** A server greets once it is ready; ours listens before its snapshots are there, and greets when they are. */
function greets(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(socket)
    const end = (isReady: boolean) => {
      probe.destroy()
      resolve(isReady)
    }
    probe.setTimeout(startMsMax, () => end(false))
    probe.once('data', () => end(true))
    probe.once('close', () => end(false))
    probe.once('error', () => end(false))
  })
}
