/**
 * TLS for connections that ask for it: certificates in the files that qemu and nbdkit name so, or keys shared beforehand.
 *
 *   DIR/server-cert.pem, DIR/server-key.pem   who we are
 *   DIR/ca-cert.pem                           who may vouch for a client, where clients must show a certificate
 *
 * TLS 1.2 is the least. The files are read once; a server that is to take new ones is started again.
 */
import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { createSecureContext, createServer, type TLSSocket, type TlsOptions } from 'node:tls'
import { CowringError } from '../base/errors.js'
import { HandshakeRefused } from './handshake-refused.js'

export interface TlsSettings {
  /** A folder of certificates; or `pskFile`, or both. */
  readonly certificates?: string
  /** Clients must show a certificate that the CA signed. */
  readonly verifyPeer?: boolean
  /** Lines of `user:key`, the key in hexadecimal digits, as psktool writes them. */
  readonly pskFile?: string
  /** Clients that do not ask for TLS are refused. True by default. */
  readonly isRequired?: boolean
}

/** TLS as the handshake takes it. */
export interface TlsGate {
  readonly isRequired: boolean
  /** Fails with HandshakeRefused. */
  upgrade(stream: Duplex): Promise<TLSSocket>
}

/** Forward secrecy first; the plain ones are for clients that have nothing else. */
const pskCiphers = [
  'ECDHE-PSK-CHACHA20-POLY1305',
  'DHE-PSK-AES256-GCM-SHA384',
  'DHE-PSK-CHACHA20-POLY1305',
  'DHE-PSK-AES128-GCM-SHA256',
  'ECDHE-PSK-AES256-CBC-SHA384',
  'ECDHE-PSK-AES128-CBC-SHA256',
  'PSK-AES256-GCM-SHA384',
  'PSK-AES128-GCM-SHA256',
].join(':')

/** Reads what the settings name. Fails with INVALID_ARGUMENT, DEVICE_MISSING. */
export function tlsGate(settings: TlsSettings): TlsGate {
  const options = serverOptions(settings)
  try {
    createSecureContext(options)
  } catch (error) {
    throw refused(`the certificate or key in ${settings.certificates} cannot be used (${textOf(error)})`, error)
  }
  return { isRequired: settings.isRequired ?? true, upgrade: (stream) => upgrade(stream, options) }
}

function serverOptions({ certificates, pskFile, verifyPeer }: TlsSettings): TlsOptions {
  if (certificates === undefined && pskFile === undefined) throw refused('TLS needs certificates or a file of keys')
  if (verifyPeer === true && certificates === undefined) {
    throw refused("clients' certificates can be verified only with a folder of certificates")
  }
  return {
    minVersion: 'TLSv1.2',
    ...(certificates === undefined ? {} : certificateOptions(certificates, verifyPeer ?? false)),
    ...(pskFile === undefined ? {} : pskOptions(pskFile, certificates !== undefined)),
  }
}

function certificateOptions(folder: string, verifyPeer: boolean): TlsOptions {
  return {
    cert: readSecret(join(folder, 'server-cert.pem')),
    key: readSecret(join(folder, 'server-key.pem')),
    ...(verifyPeer
      ? { ca: readSecret(join(folder, 'ca-cert.pem')), requestCert: true, rejectUnauthorized: true }
      : { requestCert: false }),
  }
}

function pskOptions(file: string, hasCertificates: boolean): TlsOptions {
  const keys = parseKeys(readSecret(file).toString('utf8'), file)
  return {
    // What Node offers by default has none with shared keys; and a shared key goes with a suite of SHA-256 only, in TLS 1.3.
    ciphers: `TLS_AES_128_GCM_SHA256:${pskCiphers}${hasCertificates ? ':HIGH:!aNULL:!MD5' : ''}`,
    honorCipherOrder: true,
    pskCallback: (_socket, identity) => keys.get(identity) ?? null,
  }
}

function parseKeys(text: string, file: string): ReadonlyMap<string, Buffer> {
  const keys = new Map<string, Buffer>()
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue
    const [, user, key] = /^([^:]+):((?:[0-9a-fA-F]{2})+)\s*$/.exec(line) ?? []
    if (user === undefined || key === undefined)
      throw refused(`${file}, line ${index + 1}, is not USER:KEY in hexadecimal`)
    keys.set(user, Buffer.from(key, 'hex'))
  }
  if (keys.size === 0) throw refused(`${file} has no key; psktool -u USER -p ${file} adds one`)
  return keys
}

/** A server of its own for each connection, so that what it says is about this one. */
function upgrade(stream: Duplex, options: TlsOptions): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const server = createServer({ ...options, allowHalfOpen: true })
    const fail = (why: string) => reject(new HandshakeRefused(`no TLS: ${why}`))
    const onClose = () => fail('the client went away, or has no certificate that is trusted')
    stream.once('close', onClose)
    server.once('tlsClientError', (error) => fail(reasonOf(error)))
    server.once('secureConnection', (secure) => {
      stream.off('close', onClose)
      // Whoever reads it next listens for errors; in between there must be somebody who does.
      secure.on('error', () => {})
      resolve(secure)
    })
    // Any Duplex will do, says the documentation of the event.
    server.emit('connection', stream as Socket)
  })
}

function readSecret(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    throw new CowringError('DEVICE_MISSING', `cannot read ${path}, which TLS needs (${textOf(error)})`, { path }, error)
  }
}

/** OpenSSL's words without its place in the source. */
const reasonOf = (error: Error): string => ('reason' in error ? String(error.reason) : error.message)
const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
const refused = (text: string, cause?: unknown) => new CowringError('INVALID_ARGUMENT', text, {}, cause)
