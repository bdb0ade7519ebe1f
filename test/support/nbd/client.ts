/**
 * A client in the transmission phase: any number of requests in flight, every answer held against the protocol.
 *
 * For what Debian's clients cannot speak: extended headers, fast zeroes, bad sequences. A Violation of the server, or its
 * hanging up, fails every request that waits, and `over`.
 */
import type { ConnectionOptions } from 'node:tls'
import { command, option } from '../../../src/nbd/protocol.js'
import { Answer, type Extent, type Shape, takeAnswer } from './answers.js'
import type { ByteStream, Where } from './byte-stream.js'
import { HandshakeClient } from './handshake-client.js'
import type { ExportFacts, ListedContext } from './option-replies.js'
import { type NbdRequest, requestBytes } from './request-bytes.js'

export interface Wish {
  /** The default export if it is not said. */
  readonly name?: string
  readonly mode?: Shape
  readonly contexts?: readonly string[]
  readonly tls?: ConnectionOptions
  /** The old way in: no INFO, no error. */
  readonly isOldWay?: boolean
}

/** The server answered a request with an error. */
export class RequestFailed extends Error {
  override readonly name = 'RequestFailed'
  readonly error: number

  constructor({ error, request, text }: Answer) {
    super(`command ${request.command} at ${request.offset ?? 0}+${request.length ?? 0}: error ${error} ${text}`)
    this.error = error
  }
}

interface Waiting {
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: unknown) => void
}

export class NbdClient {
  readonly stream: ByteStream
  readonly facts: ExportFacts
  readonly mode: Shape
  readonly contexts: readonly ListedContext[]
  /** Resolves with why it is over. */
  readonly over: Promise<unknown>
  readonly #pending = new Map<bigint, Answer>()
  readonly #waiting = new Map<bigint, Waiting>()
  #cookie = 0x1234_5678_0000_0000n
  #isOver = false

  constructor(stream: ByteStream, facts: ExportFacts, mode: Shape, contexts: readonly ListedContext[] = []) {
    this.stream = stream
    this.facts = facts
    this.mode = mode
    this.contexts = contexts
    // An answer may take as long as the test has it take; who waits for it says how long.
    stream.patienceMs = Number.POSITIVE_INFINITY
    this.over = this.#takeAnswers()
  }

  /** Connects and negotiates. */
  static async connect(where: Where, wish: Wish = {}): Promise<NbdClient> {
    const { contexts: queries = [], isOldWay = false, mode = 'structured', name = '' } = wish
    const handshake = await HandshakeClient.begin(where)
    if (wish.tls !== undefined) await handshake.startTls(wish.tls)
    if (mode === 'structured') await handshake.must(option.structuredReply)
    if (mode === 'extended') await handshake.must(option.extendedHeaders)
    const contexts = queries.length === 0 ? [] : await handshake.setContexts(name, queries)
    const facts = isOldWay ? await handshake.exportName(name) : await handshake.go(name)
    return new NbdClient(handshake.stream, facts, mode, contexts)
  }

  /** Sends a request; resolves with its answer, which may be an error. */
  submit(request: NbdRequest): Promise<Answer> {
    const cookie = this.#cookie++
    const answered = this.expect(request, cookie)
    this.stream.send(requestBytes(request, cookie, this.mode === 'extended'))
    return answered
  }

  /** Many requests in one piece, so that they are in flight together. */
  submitAll(requests: readonly NbdRequest[]): Promise<Answer>[] {
    const bytes: Buffer[] = []
    const answers = requests.map((request) => {
      const cookie = this.#cookie++
      bytes.push(requestBytes(request, cookie, this.mode === 'extended'))
      return this.expect(request, cookie)
    })
    this.stream.send(Buffer.concat(bytes))
    return answers
  }

  /** As `submit`, without sending anything. */
  expect(request: NbdRequest, cookie: bigint): Promise<Answer> {
    const answered = new Promise<Answer>((resolve, reject) => {
      if (this.#isOver) reject(new Error('the connection is over'))
      this.#pending.set(cookie, new Answer({ ...request, length: request.length ?? request.payload?.length ?? 0 }))
      this.#waiting.set(cookie, { resolve, reject })
    })
    answered.catch(() => {})
    return answered
  }

  /** As `submit`; fails with RequestFailed. */
  async must(request: NbdRequest): Promise<Answer> {
    const answer = await this.submit(request)
    if (answer.error !== 0) throw new RequestFailed(answer)
    return answer
  }

  async read(offset: number, length: number): Promise<Buffer> {
    return (await this.must({ command: command.read, offset, length })).data
  }

  async write(offset: number, payload: Uint8Array, flags = 0): Promise<void> {
    await this.must({ command: command.write, offset, payload, flags })
  }

  async flush(): Promise<void> {
    await this.must({ command: command.flush })
  }

  /** Extents of the one context that was negotiated, or of the one of this name. */
  async status(offset: number, length: number, flags = 0, context?: string): Promise<readonly Extent[]> {
    const { extents } = await this.must({ command: command.blockStatus, offset, length, flags })
    const wanted = this.contexts.find(({ name }) => context === undefined || name === context)
    return extents.get(wanted?.id ?? -1) ?? []
  }

  get inFlight(): number {
    return this.#waiting.size
  }

  /** Ends it as a client should. */
  async disconnect(): Promise<void> {
    this.stream.send(requestBytes({ command: command.disc }, this.#cookie++, this.mode === 'extended'))
    await this.over
    this.stream.destroy()
  }

  async #takeAnswers(): Promise<unknown> {
    try {
      for (;;) {
        const cookie = await takeAnswer(this.stream, this.mode, this.#pending)
        if (cookie === undefined) continue
        const [answer, waiting] = [this.#pending.get(cookie), this.#waiting.get(cookie)]
        this.#pending.delete(cookie)
        this.#waiting.delete(cookie)
        if (answer !== undefined) waiting?.resolve(answer)
      }
    } catch (error) {
      this.#isOver = true
      for (const { reject } of this.#waiting.values()) reject(error)
      this.#waiting.clear()
      return error
    }
  }
}
