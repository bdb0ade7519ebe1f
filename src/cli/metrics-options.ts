/** The options of a metrics server, for the commands that have one. */
import { type Command, InvalidArgumentError } from 'commander'
import { CowringError } from '../index.js'
import type { MetricsServerOptions } from '../metrics/metrics-server.js'
import { isLocal, parseListenAddress } from '../nbd/uri.js'

export type MetricsAddress = MetricsServerOptions['where']

export interface MetricsFlags {
  readonly metrics?: MetricsAddress
  readonly metricsInsecure?: boolean
}

export function addMetricsOptions(command: Command): Command {
  return command
    .option(
      '--metrics <address>',
      'serve Prometheus metrics over HTTP: HOST:PORT, port 0 for a free one',
      parseHostAndPort,
    )
    .option('--metrics-insecure', 'let other machines read the metrics')
}

/** Where to serve metrics, if at all. Fails with INVALID_ARGUMENT where anybody could read them and nobody said so. */
export function metricsAddress({ metrics, metricsInsecure = false }: MetricsFlags, command: Command) {
  if (metrics === undefined) {
    if (metricsInsecure) command.error('error: --metrics-insecure needs --metrics')
    return undefined
  }
  if (isLocal({ kind: 'tcp', ...metrics }) || metricsInsecure) return metrics
  const text = `${metrics.host} can be reached from other machines, and metrics are served without TLS or a password`
  throw new CowringError('INVALID_ARGUMENT', `${text}; give 127.0.0.1:${metrics.port}, or say --metrics-insecure`)
}

function parseHostAndPort(text: string): MetricsAddress {
  try {
    const address = parseListenAddress(`tcp:${text}`)
    if (address.kind === 'tcp' && /:\d+$/.test(text)) return { host: address.host, port: address.port }
  } catch (error) {
    if (!(error instanceof CowringError)) throw error
  }
  throw new InvalidArgumentError('It must be HOST:PORT or [IPV6]:PORT, such as 127.0.0.1:9100.')
}
