/** The options of an NBD server, for the commands that have one. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import { CowringError } from '../../index.js'
import { connectionsDefault, connectionsLimit, type NbdServerOptions } from '../../nbd/server.js'
import type { TlsSettings } from '../../nbd/tls.js'
import { type ListenAddress, parseListenAddress } from '../../nbd/uri.js'
import { wholeFrom } from '../command-parts.js'

export interface NbdFlags {
  readonly maxConnections?: number
  readonly insecure?: boolean
  readonly tls?: 'require' | 'on'
  readonly tlsCertificates?: string
  readonly tlsVerifyPeer?: boolean
  readonly tlsPsk?: string
}

export function addNbdOptions(command: Command): Command {
  const connections = `NBD clients at a time (default: ${connectionsDefault})`
  return command
    .option('--max-connections <number>', connections, wholeFrom(1, connectionsLimit))
    .option('--tls-certificates <dir>', 'speak TLS with server-cert.pem and server-key.pem of this folder')
    .option('--tls-verify-peer', "refuse clients without a certificate signed by the folder's ca-cert.pem")
    .option('--tls-psk <file>', 'speak TLS with shared keys: lines USER:KEY, as psktool writes them')
    .addOption(
      new Option('--tls <mode>', 'refuse clients without TLS (default), or serve both').choices(['require', 'on']),
    )
    .option('--insecure', 'listen beyond this machine without TLS')
}

/** What of a server's options the flags decide. Without a key or certificate there is no TLS to require. */
export function nbdOptions(flags: NbdFlags, command: Command) {
  const { insecure = false, maxConnections, tls, tlsCertificates, tlsPsk, tlsVerifyPeer } = flags
  const hasKeys = tlsCertificates !== undefined || tlsPsk !== undefined
  if (!hasKeys && (tls !== undefined || tlsVerifyPeer !== undefined)) {
    command.error('error: TLS needs --tls-certificates or --tls-psk')
  }
  if (tlsVerifyPeer !== undefined && tlsCertificates === undefined) {
    command.error('error: --tls-verify-peer needs --tls-certificates')
  }
  const settings: TlsSettings = {
    ...(tlsCertificates === undefined ? {} : { certificates: tlsCertificates }),
    ...(tlsPsk === undefined ? {} : { pskFile: tlsPsk }),
    verifyPeer: tlsVerifyPeer ?? false,
    isRequired: tls !== 'on',
  }
  return {
    insecure,
    ...(maxConnections === undefined ? {} : { connectionsMax: maxConnections }),
    ...(hasKeys ? { tls: settings } : {}),
  } satisfies Partial<NbdServerOptions>
}

/** `unix:PATH` or `tcp:HOST:PORT`. */
export function parseAddress(text: string): ListenAddress {
  try {
    return parseListenAddress(text)
  } catch (error) {
    if (!(error instanceof CowringError)) throw error
    throw new InvalidArgumentError('It must be unix:PATH, tcp:HOST, tcp:HOST:PORT or tcp:[IPV6]:PORT.')
  }
}
