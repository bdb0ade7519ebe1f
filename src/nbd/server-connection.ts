/**
 * One client from the first byte to the last: handshake here, transmission on a thread of its own. Whatever happens to it is its own
 * affair: it ends, and the log says how.
 */
import type { Socket } from 'node:net'
import type { Engine } from '../index.js'
import type { ConnectionEnd } from './connection-task.js'
import type { ExportSource } from './exports.js'
import { type HandedOver, handOver } from './handover.js'
import { type Negotiated, negotiate } from './handshake.js'
import { HandshakeRefused } from './handshake-refused.js'
import type { ConnectionThreads } from './threads.js'
import type { TlsGate } from './tls.js'
import { connectionBufferBytes } from './transmission/buffer-layout.js'

export interface ConnectionParts {
  readonly engine: Engine
  readonly source: ExportSource
  readonly threads: ConnectionThreads
  readonly tls: TlsGate | undefined
  /** Nobody is greeted before. */
  readonly begun: Promise<void>
  /** For its handshake; the default's if it is undefined. */
  readonly deadlineMs: number | undefined
  readonly log: (line: string) => void
}

export class ServerConnection {
  /** Resolves when nothing of it is left. */
  readonly ended: Promise<void>
  readonly #parts: ConnectionParts
  readonly #socket: Socket
  #handed: HandedOver | undefined
  #isStopping = false

  constructor(socket: Socket, parts: ConnectionParts) {
    this.#parts = parts
    this.#socket = socket
    // Whoever waits for its bytes learns of an error by its closing.
    socket.on('error', () => {})
    this.ended = this.#run().catch((error: unknown) => {
      const text = error instanceof HandshakeRefused ? `refused: ${error.message}` : `failed: ${textOf(error)}`
      parts.log(`a connection was ${text}`)
    })
  }

  /** Takes no more requests; what has come is answered. */
  stop(): void {
    this.#isStopping = true
    if (this.#handed === undefined) this.#socket.destroy()
    else this.#handed.stopReceiving()
  }

  /** Ends it, whatever is unanswered. */
  shutDown(): void {
    this.#handed?.shutDown()
  }

  async #run(): Promise<void> {
    const { begun, deadlineMs, source, tls } = this.#parts
    try {
      await begun
      const negotiated = await negotiate(this.#socket, {
        source,
        ...(tls === undefined ? {} : { tls }),
        ...(deadlineMs === undefined ? {} : { deadlineMs }),
      })
      if (negotiated === undefined) return void this.#socket.end()
      try {
        await this.#transmit(negotiated)
      } finally {
        await negotiated.export.close()
      }
    } finally {
      // After a handover this is a closed shell.
      this.#socket.destroy()
    }
  }

  async #transmit({ leftover, stream, ...agreement }: Negotiated): Promise<void> {
    const { engine, log, threads } = this.#parts
    const { contexts, export: served, extendedHeaders, structuredReplies } = agreement
    if (stream.destroyed) return
    const handed = handOver(stream, leftover)
    this.#handed = handed
    if (this.#isStopping) handed.stopReceiving()
    try {
      const { device, readOnly } = served
      const { fd, leftover } = handed
      const token = engine.share({ bufferBytes: connectionBufferBytes })
      const task = { fd, leftover, token, device, readOnly, structuredReplies, extendedHeaders, contexts }
      const end = await threads.run(task)
      if (end.reason === 'protocol' || end.reason === 'device-gone') log(endText(served.name, end))
    } finally {
      await handed.close()
    }
  }
}

const endText = (name: string, { reason, text }: ConnectionEnd): string =>
  `a connection to '${name}' ended: ${reason === 'protocol' ? 'not the protocol' : 'the device is gone'}${text === undefined ? '' : ` (${text})`}`

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
