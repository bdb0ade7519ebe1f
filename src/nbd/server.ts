/**
 * The server: listens, greets, and sees every connection to its end.
 *
 * Guarantees: a client that stalls, dies or sends garbage costs only its own connection, and there are never more than the limit.
 */
import type { Socket } from 'node:net'
import type { Engine } from '../index.js'
import type { ExportSource } from './exports.js'
import { ServerConnection } from './server-connection.js'
import { type Listener, listenFor } from './server-listener.js'
import { ConnectionThreads } from './threads.js'
import { type TlsSettings, tlsGate } from './tls.js'
import { type ListenAddress, uriOf } from './uri.js'

export interface NbdServerOptions {
  readonly engine: Engine
  readonly source: ExportSource
  readonly where: ListenAddress
  readonly tls?: TlsSettings
  /** Clients at a time, those in their handshake included; 16 by default. Each has a thread and a seat of the engine. */
  readonly connectionsMax?: number
  /** How long a client may take for its handshake; 10 s by default. */
  readonly handshakeMs?: number
  /** Lets other machines connect without TLS. */
  readonly insecure?: boolean
  /** Connections wait until `begin` is called. */
  readonly waits?: boolean
  readonly log?: (line: string) => void
}

/** nbdcopy takes 4, qemu 1 to 16; a thread has about 10 MiB. */
export const connectionsDefault = 16
/** 5 MiB of the engine's arena each: 200 of its 256 MiB. */
export const connectionsLimit = 40

/** What is unanswered after this is given up: a client may not read its answers. */
const drainMs = 5000
/** A device that is suspended holds its connections; closing the engine lets them go. */
const giveUpMs = 1000

export class NbdServer {
  readonly #options: NbdServerOptions
  readonly #threads: ConnectionThreads
  readonly #connections = new Set<ServerConnection>()
  readonly #begun: Promise<void>
  readonly #isTls: boolean
  readonly #limit: number
  #listener: Listener | undefined
  #begin: () => void = () => {}
  /** A process that exits waits for its threads, and they may wait for their clients. */
  readonly #onExit = (): void => {
    for (const connection of this.#connections) connection.shutDown()
  }
  #closing: Promise<void> | undefined

  private constructor(options: NbdServerOptions) {
    this.#options = options
    this.#limit = options.connectionsMax ?? connectionsDefault
    this.#isTls = options.tls !== undefined
    this.#threads = new ConnectionThreads(this.#limit)
    this.#begun = new Promise((resolve) => {
      this.#begin = resolve
    })
    if (options.waits !== true) this.#begin()
    process.on('exit', this.#onExit)
  }

  /** Fails with INVALID_ARGUMENT, DEVICE_BUSY, DEVICE_MISSING, DEVICE_UNSUPPORTED, IO_ERROR. */
  static async listen(options: NbdServerOptions): Promise<NbdServer> {
    const { engine, insecure = false, log = () => {}, source, where } = options
    const tls = options.tls === undefined ? undefined : tlsGate(options.tls)
    const server = new NbdServer(options)
    const { handshakeMs: deadlineMs } = options
    const parts = { engine, source, tls, log, threads: server.#threads, begun: server.#begun, deadlineMs }
    try {
      server.#listener = await listenFor(where, { isTlsRequired: tls?.isRequired ?? false, insecure }, (socket) =>
        server.#accept(socket, () => new ServerConnection(socket, parts)),
      )
    } catch (error) {
      await server.close()
      throw error
    }
    return server
  }

  /** Threads that serve connections, for tests that kill one. */
  get threads(): ConnectionThreads['serving'] {
    return this.#threads.serving
  }

  /** Greets those who wait, and everybody else from now on. */
  begin(): void {
    this.#begin()
  }

  /** Where it listens, with the port that was got. */
  get address(): ListenAddress {
    return this.#listener?.address ?? this.#options.where
  }

  /** Those of the exports of now. */
  get uris(): readonly string[] {
    return this.#options.source.list().map(({ name }) => this.uriOf(name))
  }

  uriOf(exportName: string): string {
    return uriOf(this.address, exportName, this.#isTls)
  }

  /** Takes no more connections, answers what has been asked, and ends every connection. Closing again waits for the same end. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await this.#listener?.close()
    for (const connection of this.#connections) connection.stop()
    this.#begin()
    if (!(await this.#allEnded(drainMs))) {
      for (const connection of this.#connections) connection.shutDown()
      await this.#allEnded(giveUpMs)
    }
    if (this.#connections.size === 0) {
      process.off('exit', this.#onExit)
      await this.#threads.close()
    } else this.#options.log?.(`${this.#connections.size} connections wait for their devices and are left`)
  }

  async #allEnded(milliseconds: number): Promise<boolean> {
    const ended = Promise.all([...this.#connections].map((connection) => connection.ended)).then(() => true)
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), milliseconds)
    })
    try {
      return await Promise.race([ended, late])
    } finally {
      clearTimeout(timer)
    }
  }

  #accept(socket: Socket, connect: () => ServerConnection): void {
    if (this.#closing !== undefined || this.#connections.size >= this.#limit) {
      if (this.#closing === undefined) this.#options.log?.(`a connection was refused: there are ${this.#limit} already`)
      socket.on('error', () => {})
      return void socket.destroy()
    }
    const connection = connect()
    this.#connections.add(connection)
    void connection.ended.then(() => this.#connections.delete(connection))
  }
}
