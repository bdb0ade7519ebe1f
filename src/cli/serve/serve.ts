/**
 * Serves images until it is told to stop, or as long as a command runs.
 *
 * Images are opened, the address is taken, snapshots are taken, and only then is anybody greeted: so no snapshot is taken if the
 * address is another's, and nobody writes to an image before its snapshots are there.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Engine } from '../../index.js'
import { MetricsServer, type MetricsServerOptions } from '../../metrics/metrics-server.js'
import { ImageExports } from '../../nbd/exports-of-images.js'
import { NbdServer, type NbdServerOptions } from '../../nbd/server.js'
import type { ListenAddress } from '../../nbd/uri.js'
import { socketPath } from '../daemon/socket-path.js'
import { runCaptive } from './captive.js'
import { endAsked } from './ending.js'
import { openImages } from './open-images.js'
import type { SnapshotSpec } from './snapshot-spec.js'
import { takeSnapshots } from './take-snapshots.js'

export interface ServeOptions {
  readonly images: readonly string[]
  /** In the order of the images; the others have their file's name. */
  readonly exportNames: readonly string[]
  readonly snapshots: readonly SnapshotSpec[]
  readonly readOnly: boolean
  readonly workers: number | undefined
  readonly where: ListenAddress | undefined
  /** A shell command to run meanwhile. */
  readonly run: string | undefined
  readonly nbd: Pick<NbdServerOptions, 'tls' | 'insecure' | 'connectionsMax'>
  readonly metrics: MetricsServerOptions['where'] | undefined
}

/** The exit code. */
export async function serve(options: ServeOptions): Promise<number> {
  using place = placeOf(options)
  await using engine = await Engine.start(options.workers === undefined ? {} : { workers: options.workers })
  const images = await openImages(engine, options.images, options.exportNames, options.readOnly)
  const source = new ImageExports(images)
  const log = (line: string) => process.stderr.write(`cowring serve: ${line}\n`)
  const server = await NbdServer.listen({ ...options.nbd, engine, source, where: place.where, waits: true, log })
  try {
    const { metrics: at } = options
    await using metrics = at === undefined ? undefined : await MetricsServer.listen({ engine, where: at, log })
    await takeSnapshots(images, options.snapshots)
    server.begin()
    if (options.run !== undefined) return await runCaptive(options.run, variablesOf(server))
    const asked = endAsked()
    process.stdout.write(`${[...server.uris, ...(metrics === undefined ? [] : [metrics.url])].join('\n')}\n`)
    await asked
    return 0
  } finally {
    await server.close()
  }
}

/** Where to listen: with a command to run, a socket that nobody else needs to find. */
function placeOf({ run, where }: ServeOptions): Disposable & { readonly where: ListenAddress } {
  if (where !== undefined) return { where, [Symbol.dispose]: () => {} }
  if (run === undefined) {
    const path = socketPath(undefined, { makeFolder: true, fileName: 'cowring-nbd.sock', option: '--listen' })
    return { where: { kind: 'unix', path }, [Symbol.dispose]: () => {} }
  }
  const folder = mkdtempSync(join(tmpdir(), 'cowring-serve-'))
  return {
    where: { kind: 'unix', path: join(folder, 'nbd.sock') },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  }
}

/** nbdkit's names, so that its command lines work. */
function variablesOf(server: NbdServer): Readonly<Record<string, string>> {
  const { address, uris } = server
  return {
    uri: uris[0] ?? '',
    uris: uris.join('\n'),
    ...(address.kind === 'unix' ? { unixsocket: address.path } : { port: String(address.port) }),
  }
}
