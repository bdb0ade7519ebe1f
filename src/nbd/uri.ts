/** NBD URIs, and addresses to listen on as they are written on a command line. Source: the NBD project's doc/uri.md. */
import { isIP } from 'node:net'
import { resolve } from 'node:path'
import { CowringError } from '../base/errors.js'

export type ListenAddress =
  | { readonly kind: 'unix'; readonly path: string }
  /** `port` 0: any that is free. */
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }

/** NBD's own, from IANA. */
export const portDefault = 10_809

/** `unix:PATH`, `tcp:HOST`, `tcp:HOST:PORT`, `tcp:[::1]:PORT`. Fails with INVALID_ARGUMENT. */
export function parseListenAddress(text: string): ListenAddress {
  const [, kind, rest] = /^(unix|tcp):(.+)$/.exec(text) ?? []
  if (kind === 'unix' && rest !== undefined) return { kind, path: resolve(rest) }
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(rest ?? '') ?? []
  const host = bracketed ?? plain
  const number = port === undefined ? portDefault : Number(port)
  // A number is a port that somebody forgot the host of; as a host it would be an address elsewhere.
  const isPort = plain !== undefined && /^\d+$/.test(plain)
  if (kind === 'tcp' && host !== undefined && !isPort && number <= 65_535) return { kind, host, port: number }
  const fault = `'${text}' is no address to listen on; give unix:PATH, tcp:HOST:PORT or tcp:[IPV6]:PORT`
  throw new CowringError('INVALID_ARGUMENT', fault)
}

/** Whether only this machine can reach it. */
export function isLocal(address: ListenAddress): boolean {
  if (address.kind === 'unix') return true
  const { host } = address
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}

/** The URI of an export; the default one's has no name. */
export function uriOf(address: ListenAddress, exportName: string, isTls: boolean): string {
  const scheme = isTls ? 'nbds' : 'nbd'
  const name = encodePath(exportName)
  if (address.kind === 'unix') return `${scheme}+unix:///${name}?socket=${encodePath(address.path)}`
  const host = isIP(address.host) === 6 ? `[${address.host}]` : address.host
  const port = address.port === portDefault ? '' : `:${address.port}`
  return `${scheme}://${host}${port}/${name}`
}

/** Slashes stay: they are in most names that have anything to encode. */
const encodePath = (text: string): string => encodeURIComponent(text).replaceAll('%2F', '/')
