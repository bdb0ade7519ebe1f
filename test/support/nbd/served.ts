/**
 * An image and its snapshots, served from this process by the built server, as a user gets it: its threads need JavaScript files.
 */
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { Engine, type Origin, type SnapshotOptions } from 'cowring'
import type { TlsSettings } from '../../../src/nbd/tls.js'
import type { ListenAddress } from '../../../src/nbd/uri.js'
import { HungUp, type Where } from './byte-stream.js'
import { NbdClient, type Wish } from './client.js'
import { ImageFolder, mebibyte } from './images.js'

type Built = typeof import('../../../src/nbd/server.js') & typeof import('../../../src/nbd/exports-of-images.js')

const root = dirname(createRequire(import.meta.url).resolve('cowring/package.json'))

/** The modules that were built, by their place: not those that the tests' own transformation would make. */
async function built(): Promise<Built> {
  const load = (file: string) => import(join(root, 'dist/src/nbd', file))
  return { ...(await load('server.js')), ...(await load('exports-of-images.js')) } as Built
}

export type ServedSnapshot = { readonly name: string } & Partial<Omit<SnapshotOptions, 'name' | 'cow'>>

export interface ServeOptions {
  /** 2 MiB by default. */
  readonly byteLength?: number
  /** Which bytes have a pattern; all by default. The rest are holes. */
  readonly written?: readonly (readonly [number, number])[]
  /** None by default. */
  readonly snapshots?: readonly ServedSnapshot[]
  readonly tls?: TlsSettings
  readonly limits?: { readonly handshakeMs?: number; readonly connections?: number }
  /** Listens on a TCP port of this machine instead of a socket. */
  readonly isTcp?: boolean
  readonly workers?: number
}

/** Serves `disk`, and its snapshots under their names. */
export async function serve(options: ServeOptions = {}): Promise<Served> {
  const { byteLength = 2 * mebibyte, snapshots = [], written = [[0, byteLength]] } = options
  const folder = new ImageFolder()
  const image = folder.image('disk', byteLength, written)
  const engine = await Engine.start({ workers: options.workers ?? 1 })
  const origin = await engine.open(image)
  const { ImageExports, NbdServer } = await built()
  const log: string[] = []
  const where: ListenAddress =
    options.isTcp === true ? { kind: 'tcp', host: '127.0.0.1', port: 0 } : { kind: 'unix', path: folder.at('socket') }
  const server = await NbdServer.listen({
    engine,
    source: new ImageExports([{ exportName: 'disk', origin }]),
    where,
    log: (line) => log.push(line),
    ...(options.tls === undefined ? {} : { tls: options.tls }),
    ...(options.limits?.connections === undefined ? {} : { connectionsMax: options.limits.connections }),
    ...(options.limits?.handshakeMs === undefined ? {} : { handshakeMs: options.limits.handshakeMs }),
  })
  const served = new Served({ engine, folder, image, log, origin, server })
  for (const { name, ...rest } of snapshots) await served.snapshot(name, rest)
  return served
}

interface Parts {
  readonly engine: Engine
  readonly folder: ImageFolder
  readonly image: string
  readonly log: readonly string[]
  readonly origin: Origin
  readonly server: Awaited<ReturnType<Built['NbdServer']['listen']>>
}

/** How long what is being ended may take to be at rest. */
const restMsMax = 10_000

export class Served {
  readonly engine: Engine
  readonly folder: ImageFolder
  /** The origin's file. */
  readonly image: string
  readonly origin: Origin
  /** What the server had to say. */
  readonly log: readonly string[]
  readonly #server: Parts['server']
  readonly #clients: NbdClient[] = []

  constructor({ engine, folder, image, log, origin, server }: Parts) {
    this.engine = engine
    this.folder = folder
    this.image = image
    this.log = log
    this.origin = origin
    this.#server = server
  }

  get where(): Where {
    const { address } = this.#server
    return address.kind === 'unix' ? { path: address.path } : { host: address.host, port: address.port }
  }

  /** Those of connections in transmission. */
  get threads() {
    return this.#server.threads
  }

  uri(name = ''): string {
    return this.#server.uriOf(name)
  }

  /** A client, which is gone when this is closed. If those that have died still have all places, it waits for one. */
  async connect(wish: Wish = {}): Promise<NbdClient> {
    for (const end = Date.now() + restMsMax; ; await new Promise((resolve) => setTimeout(resolve, 20))) {
      try {
        const client = await NbdClient.connect(this.where, wish)
        this.#clients.push(client)
        return client
      } catch (error) {
        if (!(error instanceof HungUp) || Date.now() > end) throw error
      }
    }
  }

  async snapshot(name: string, options: Omit<ServedSnapshot, 'name'> = {}): Promise<void> {
    await this.origin.snapshot({ name, cow: this.folder.at(`${name}.cow`), ...options })
  }

  /** Barriers that were made so far, by every thread. */
  barriers(): number {
    return this.engine.statistics().counters.barriers
  }

  /** Until no key is held by anybody. */
  async atRest(): Promise<void> {
    const { machinery } = this.engine
    await until(
      () => machinery.heldLocks() === 0,
      () => `${machinery.heldLocks()} keys are held at rest`,
    )
  }

  /** Until no more connections than these are served: those of clients that have gone have given their places back. */
  async alone(connections: number): Promise<void> {
    const { seats } = this.engine.machinery
    await until(
      () => seats.taken.length <= connections,
      () => `${seats.taken.length} connections are served, where ${connections} clients are left`,
    )
  }

  closeServer(): Promise<void> {
    return this.#server.close()
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.stream.destroy()
    await this.#server.close()
    await this.engine.close()
    this.folder.remove()
  }
}

async function until(isSo: () => boolean, problem: () => string): Promise<void> {
  for (const end = Date.now() + restMsMax; !isSo(); await new Promise((resolve) => setTimeout(resolve, 2)))
    if (Date.now() > end) throw new Error(problem())
}
