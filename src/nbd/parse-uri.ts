/**
 * NBD URIs as a client is given them: the way back from `uriOf`. Source: the NBD project's doc/uri.md.
 *
 * Leaves out on purpose: TLS, vsock and ssh, which the client does not speak; each is refused with its name.
 */
import { resolve } from 'node:path'
import { CowringError } from '../base/errors.js'
import { checkSocketPath } from './unix-socket.js'
import { type ListenAddress, portDefault } from './uri.js'

/** An export of a server that somebody else runs. */
export interface ExportAddress {
  readonly server: ListenAddress
  /** Empty: the server's default export. */
  readonly exportName: string
}

const forms = 'nbd+unix:///EXPORT?socket=PATH or nbd://HOST:PORT/EXPORT'

export const isNbdUri = (text: string): boolean => /^nbds?(\+[a-z]+)?:/i.test(text)

/** `nbd+unix:///[EXPORT]?socket=PATH`, `nbd://HOST[:PORT]/[EXPORT]`. Fails with INVALID_ARGUMENT. */
export function parseNbdUri(text: string): ExportAddress {
  const parts = /^([a-z+]+):\/\/([^/?#]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/i.exec(text)
  if (parts === null) throw fault(text, `is no NBD URI; give ${forms}`)
  const [, scheme = '', authority = '', path = '', query = ''] = parts
  const exportName = decode(text, path)
  const words = queryOf(text, query)
  switch (scheme.toLowerCase()) {
    case 'nbd+unix':
      return { server: unixServer(text, authority, words), exportName }
    case 'nbd':
      return { server: tcpServer(text, authority, words), exportName }
    case 'nbds':
    case 'nbds+unix':
      throw fault(
        text,
        `asks for TLS, which the harness does not speak; serve the export without TLS, and give ${forms}`,
      )
    default:
      throw fault(text, `has the scheme '${scheme}', which the harness does not speak; give ${forms}`)
  }
}

function unixServer(text: string, authority: string, words: ReadonlyMap<string, string>): ListenAddress {
  if (authority !== '') throw fault(text, `names the host '${authority}', but a Unix socket has none; give ${forms}`)
  const socket = words.get('socket')
  if (socket === undefined || socket === '') throw fault(text, `names no socket; give nbd+unix:///EXPORT?socket=PATH`)
  const path = resolve(socket)
  checkSocketPath(path, 'path in socket=PATH')
  return { kind: 'unix', path }
}

function tcpServer(text: string, authority: string, words: ReadonlyMap<string, string>): ListenAddress {
  if (words.has('socket')) throw fault(text, `names a socket; with one the scheme is nbd+unix: give ${forms}`)
  if (authority.includes('@')) throw fault(text, 'names a user, which only TLS has; leave it out')
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{0,5}))?$/.exec(authority) ?? []
  const host = bracketed ?? (plain === undefined ? undefined : decode(text, plain))
  const number = port === undefined || port === '' ? portDefault : Number(port)
  if (host === undefined) throw fault(text, `names no host that can be understood ('${authority}'); give ${forms}`)
  if (number < 1 || number > 65_535) throw fault(text, `names the port ${number}; give one from 1 to 65535`)
  return { kind: 'tcp', host, port: number }
}

function queryOf(text: string, query: string): ReadonlyMap<string, string> {
  const words = new Map<string, string>()
  for (const pair of query.split('&').filter((pair) => pair !== '')) {
    const end = pair.includes('=') ? pair.indexOf('=') : pair.length
    const key = decode(text, pair.slice(0, end))
    if (key !== 'socket') throw fault(text, `has the parameter '${key}', which the harness does not know; leave it out`)
    if (words.has(key)) throw fault(text, `has the parameter '${key}' twice; give it once`)
    words.set(key, decode(text, pair.slice(end + 1)))
  }
  return words
}

function decode(text: string, part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    throw fault(text, `has '${part}', in which a percent sign begins no UTF-8; write % as %25`)
  }
}

const fault = (text: string, what: string): CowringError => new CowringError('INVALID_ARGUMENT', `'${text}' ${what}`)
