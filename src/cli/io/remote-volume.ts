/** A volume of a device in the daemon, for the length of one command. Long requests go in pieces that fit in a frame. */
import { DaemonClient } from '../daemon/client.js'
import { dataBytesMax, type OpenedVolume } from '../daemon/protocol.js'
import { socketPath } from '../daemon/socket-path.js'

/** Pieces under way at a time: enough that neither side waits for the other. */
const piecesMax = 4

export class RemoteVolume implements AsyncDisposable {
  readonly #client: DaemonClient
  readonly #opened: OpenedVolume

  private constructor(client: DaemonClient, opened: OpenedVolume) {
    this.#client = client
    this.#opened = opened
  }

  static async open(socket: string | undefined, name: string, readOnly: boolean): Promise<RemoteVolume> {
    const client = await DaemonClient.connect(socketPath(socket, { makeFolder: false }))
    try {
      return new RemoteVolume(client, (await client.call('open', [name, { readOnly }])) as OpenedVolume)
    } catch (error) {
      client.close()
      throw error
    }
  }

  get sizeBytes(): number {
    return this.#opened.sizeBytes
  }

  /** The bytes in order, in pieces. */
  async *read(offset: number, byteLength: number): AsyncGenerator<Uint8Array, void, undefined> {
    const ahead: Promise<unknown>[] = []
    let asked = 0
    const ask = () => {
      const length = Math.min(dataBytesMax, byteLength - asked)
      const piece = this.#call('read', offset + asked, length)
      // It is awaited in its turn; until then a failure is not unhandled.
      piece.catch(() => {})
      ahead.push(piece)
      asked += length
    }
    while (asked < byteLength && ahead.length < piecesMax) ask()
    for (let next = ahead.shift(); next !== undefined; next = ahead.shift()) {
      const piece = (await next) as Uint8Array
      if (asked < byteLength) ask()
      yield piece
    }
  }

  async write(offset: number, bytes: Uint8Array): Promise<void> {
    await this.#call('write', offset, bytes)
  }

  async zero(offset: number, byteLength: number): Promise<void> {
    await this.#call('zero', offset, byteLength)
  }

  async discard(offset: number, byteLength: number): Promise<void> {
    await this.#call('discard', offset, byteLength)
  }

  async flush(): Promise<void> {
    await this.#call('flush')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.#call('close')
    } finally {
      this.#client.close()
    }
  }

  #call(
    verb: 'read' | 'write' | 'zero' | 'discard' | 'flush' | 'close',
    ...words: readonly unknown[]
  ): Promise<unknown> {
    return this.#client.call(verb, [this.#opened.volume, ...words])
  }
}
