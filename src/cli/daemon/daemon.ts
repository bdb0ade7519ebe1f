/**
 * The daemon: an engine, its mapper, a socket to reach it, and an NBD server of its devices and metrics over HTTP if there are to be.
 * Devices live as long as it does.
 *
 * Stopping: no new connections, metrics end, every running command finishes, every `wait` ends, NBD clients get the answers to what they have
 * asked, the engine closes, the socket goes.
 */
import { readFile } from 'node:fs/promises'
import type { Server, Socket } from 'node:net'
import { Engine, type EngineOptions, type HeldFile } from '../../index.js'
import { MetricsServer, type MetricsServerOptions } from '../../metrics/metrics-server.js'
import { MapperExports } from '../../nbd/exports-of-mapper.js'
import { NbdServer, type NbdServerOptions } from '../../nbd/server.js'
import { Connection } from './connection.js'
import { claimPath, listenOn } from './listen.js'
import { MapperSession } from './session.js'

export interface DaemonOptions {
  readonly path: string
  readonly engine: EngineOptions
  /** A file of devices in the concise format, to be created before anybody is answered. */
  readonly restore?: string
  /** What relative paths in that file are relative to. */
  readonly folder: string
  readonly log: (line: string) => void
  /** Serves every device that has a table over NBD. */
  readonly nbd?: Pick<NbdServerOptions, 'where' | 'tls' | 'insecure' | 'connectionsMax'>
  /** Where metrics are served. */
  readonly metrics?: MetricsServerOptions['where']
}

/** A command that does not end is given up after this: an I/O on a suspended device may wait for ever. */
const drainMs = 10_000

interface DaemonParts {
  readonly engine: Engine
  readonly held: HeldFile
  readonly log: (line: string) => void
  readonly metrics: MetricsServer | undefined
  readonly nbd: NbdServer | undefined
  readonly server: Server
}

export class Daemon {
  readonly #engine: Engine
  readonly #held: HeldFile
  readonly #server: Server
  readonly #nbd: NbdServer | undefined
  readonly #metrics: MetricsServer | undefined
  readonly #connections = new Set<Connection>()
  readonly #log: (line: string) => void
  #stopping: Promise<void> | undefined

  private constructor({ engine, held, log, metrics, nbd, server }: DaemonParts) {
    this.#engine = engine
    this.#held = held
    this.#server = server
    this.#nbd = nbd
    this.#metrics = metrics
    this.#log = log
    server.on('connection', (socket) => this.#accept(socket))
  }

  /** Fails with DEVICE_BUSY if another daemon has the path, and as restoring does. */
  static async start(options: DaemonOptions): Promise<Daemon> {
    const held = claimPath(options.path)
    let engine: Engine | undefined
    let nbd: NbdServer | undefined
    let metrics: MetricsServer | undefined
    try {
      engine = await Engine.start(options.engine)
      if (options.restore !== undefined) {
        const text = await readFile(options.restore, 'utf8')
        await engine.mapper.createConcise(text, { folder: options.folder })
      }
      const { log } = options
      if (options.nbd !== undefined) {
        nbd = await NbdServer.listen({ ...options.nbd, engine, source: new MapperExports(engine.mapper), log })
      }
      if (options.metrics !== undefined) {
        metrics = await MetricsServer.listen({ engine, where: options.metrics, log })
      }
      return new Daemon({ engine, held, log, metrics, nbd, server: await listenOn(options.path) })
    } catch (error) {
      await metrics?.close()
      await nbd?.close()
      await undo(engine, held)
      throw error
    }
  }

  /** Where NBD clients find a device: its name goes behind it. */
  get nbdUri(): string | undefined {
    return this.#nbd?.uriOf('')
  }

  /** Where metrics are. */
  get metricsUrl(): string | undefined {
    return this.#metrics?.url
  }

  /** Stops as described above. Calling it again waits for the same end. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #stop(): Promise<void> {
    this.#server.close()
    let timer: NodeJS.Timeout | undefined
    const drained = Promise.all([...this.#connections].map((connection) => connection.drain()))
    const tooLong = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        this.#log(`commands that did not end in ${drainMs / 1000} seconds are given up`)
        for (const connection of this.#connections) connection.destroy()
        resolve()
      }, drainMs)
    })
    await this.#metrics?.close()
    await Promise.race([drained, tooLong])
    clearTimeout(timer)
    try {
      await this.#nbd?.close()
      await this.#engine.close()
    } finally {
      this.#held.release()
    }
  }

  #accept(socket: Socket): void {
    if (this.#stopping !== undefined) return void socket.destroy()
    const connection = new Connection(socket, new MapperSession(this.#engine.mapper), this.#log)
    this.#connections.add(connection)
    connection.closed.finally(() => this.#connections.delete(connection))
  }
}

async function undo(engine: Engine | undefined, held: HeldFile): Promise<void> {
  try {
    await engine?.close()
  } finally {
    held.release()
  }
}
