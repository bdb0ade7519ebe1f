/**
 * The bytes of a handshake, asked for one piece after the other, on any Duplex.
 *
 * Guarantees: nothing is taken from the stream that was not asked for, beyond one chunk and what the stream itself reads ahead, so a
 * client that sends without end is held up by its own socket. What was taken and not used is given back by `release`.
 */
import type { Duplex } from 'node:stream'

/** The stream ended, or was destroyed, before the bytes came. */
export class HandshakeEnded extends Error {
  override readonly name = 'HandshakeEnded'
}

export class HandshakeStream {
  readonly #stream: Duplex
  #chunks: Buffer[] = []
  #heldBytes = 0
  #isOver = false
  #wake: () => void = () => {}
  #failWrite: (reason: Error) => void = () => {}
  readonly #onNews = (): void => this.#wake()
  readonly #onEnd = (): void => {
    this.#isOver = true
    this.#wake()
  }
  readonly #onClose = (): void => {
    this.#onEnd()
    this.#failWrite(new HandshakeEnded(wentAway))
  }

  constructor(stream: Duplex) {
    this.#stream = stream
    this.#isOver = stream.destroyed || stream.readableEnded
    stream.on('readable', this.#onNews)
    stream.on('end', this.#onEnd)
    for (const event of ['close', 'error'] as const) stream.on(event, this.#onClose)
  }

  /** Whether the client has sent more than what was asked for. */
  get hasMore(): boolean {
    return this.#heldBytes > 0 || this.#stream.readableLength > 0
  }

  /** Exactly so many bytes. Fails with HandshakeEnded. */
  async read(byteLength: number): Promise<Buffer> {
    while (this.#heldBytes < byteLength) await this.#takeChunk()
    return this.#give(byteLength)
  }

  /** Takes so many bytes and forgets them. Fails with HandshakeEnded. */
  async skip(byteLength: number): Promise<void> {
    for (let left = byteLength; left > 0; ) {
      if (this.#heldBytes === 0) await this.#takeChunk()
      left -= this.#give(Math.min(left, this.#heldBytes)).length
    }
  }

  /** Resolves when the stream has passed the bytes on, so a client that does not read is not written to without end. */
  write(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#stream.destroyed || this.#stream.writableEnded) return reject(new HandshakeEnded(wentAway))
      this.#failWrite = reject
      this.#stream.write(bytes, (error) => (error ? reject(new HandshakeEnded(error.message)) : resolve()))
    })
  }

  /** Leaves the stream to its next user, with what was taken from it and not used. */
  release(): Buffer {
    for (let chunk = this.#next(); chunk !== null; chunk = this.#next()) this.#hold(chunk)
    this.#stream.off('readable', this.#onNews)
    this.#stream.off('end', this.#onEnd)
    for (const event of ['close', 'error'] as const) this.#stream.off(event, this.#onClose)
    return this.#give(this.#heldBytes)
  }

  async #takeChunk(): Promise<void> {
    for (let chunk = this.#next(); ; chunk = this.#next()) {
      if (chunk !== null) return this.#hold(chunk)
      if (this.#isOver) throw new HandshakeEnded(wentAway)
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  #next(): Buffer | null {
    return this.#stream.read()
  }

  #hold(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#heldBytes += chunk.length
  }

  #give(byteLength: number): Buffer {
    const held = this.#chunks.length === 1 ? this.#chunks[0] : undefined
    const all = held ?? Buffer.concat(this.#chunks)
    this.#heldBytes -= byteLength
    this.#chunks = this.#heldBytes === 0 ? [] : [all.subarray(byteLength)]
    return all.subarray(0, byteLength)
  }
}

const wentAway = 'the client went away'
