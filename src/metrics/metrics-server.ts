/**
 * Metrics over HTTP: `GET /metrics`, of an engine and of the process that it is in.
 *
 * Guarantees: no client can end or hold up the process. One that does not read, or sends nothing, is cut off after some seconds, and
 * at once when the server closes.
 * Leaves out on purpose: TLS and passwords. Whoever reaches the address reads the names of all devices.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, isIP } from 'node:net'
import { collectDefaultMetrics, type Registry } from 'prom-client'
import { CowringError, type Engine } from '../index.js'
import { engineMetrics } from './engine-metrics.js'

export interface MetricsServerOptions {
  readonly engine: Engine
  /** `port` 0: any that is free. */
  readonly where: { readonly host: string; readonly port: number }
  readonly log: (line: string) => void
}

/** Connections at a time, others are closed at once: a Prometheus or two and somebody who looks. */
const connectionsMax = 16
/** For a request to arrive, and for a connection on which nothing moves. Prometheus gives up after ten by default. */
const patienceMs = 10_000

const path = '/metrics'

export class MetricsServer implements AsyncDisposable {
  readonly url: string
  readonly #server: Server

  private constructor(server: Server, url: string) {
    this.#server = server
    this.url = url
  }

  /** Fails with DEVICE_BUSY if it cannot listen there. */
  static async listen({ engine, log, where }: MetricsServerOptions): Promise<MetricsServer> {
    const { host, port } = where
    const registry = engineMetrics(engine)
    const limits = { headersTimeout: patienceMs, requestTimeout: patienceMs, connectionsCheckingInterval: 1000 }
    const server = createServer(limits, (request, response) => void answer(request, response, registry, log))
    server.maxConnections = connectionsMax
    server.timeout = patienceMs
    // Of many sent at once the first is answered, the others are refused unseen: each would take a look at every device.
    server.maxRequestsPerSocket = 1
    server.listen(port, host)
    try {
      await once(server, 'listening')
    } catch (error) {
      const text = `cannot listen on ${host}, port ${port} (${error instanceof Error ? error.message : error})`
      throw new CowringError('DEVICE_BUSY', `${text}; give another --metrics`, {}, error)
    }
    server.on('error', (error) => log(`metrics: ${error.message}`))
    // Of those that are there once a process, so the last thing that can fail is behind us.
    collectDefaultMetrics({ register: registry })
    const got = server.address() as AddressInfo
    return new MetricsServer(server, `http://${isIP(host) === 6 ? `[${host}]` : host}:${got.port}${path}`)
  }

  /** Ends every connection, whatever it is about. */
  async close(): Promise<void> {
    if (!this.#server.listening) return
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  registry: Registry,
  log: (line: string) => void,
): Promise<void> {
  const end = (status: number, type: string, text: string): void => {
    const length = Buffer.byteLength(text)
    response.writeHead(status, { 'content-type': type, 'content-length': length })
    // To a HEAD, Node sends none of it.
    response.end(text)
  }
  const refuse = (status: number, text: string): void => end(status, 'text/plain; charset=utf-8', `${text}\n`)
  const [asked] = (request.url ?? '').split('?')
  if (asked !== path) return refuse(404, `there is nothing here; the metrics are at ${path}`)
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD')
    return refuse(405, 'metrics can be read with GET and HEAD only')
  }
  try {
    end(200, registry.contentType, await registry.metrics())
  } catch (error) {
    log(`metrics cannot be read: ${error instanceof Error ? (error.stack ?? error.message) : error}`)
    refuse(500, "the metrics cannot be read; the daemon's log says why")
  }
}
