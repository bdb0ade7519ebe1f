import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { parseNbdUri } from '../../../src/nbd/parse-uri.js'
import { uriOf } from '../../../src/nbd/uri.js'

test.each([
  ['nbd+unix:///?socket=/a/b.sock', { kind: 'unix', path: '/a/b.sock' }, ''],
  ['nbd+unix:///disk%20one/two?socket=%2Fa%2Fb+c', { kind: 'unix', path: '/a/b+c' }, 'disk one/two'],
  ['nbd+unix://?socket=here', { kind: 'unix', path: resolve('here') }, ''],
  ['nbd://localhost', { kind: 'tcp', host: 'localhost', port: 10_809 }, ''],
  ['NBD://example.org:1234/disk', { kind: 'tcp', host: 'example.org', port: 1234 }, 'disk'],
  ['nbd://[::1]:9/a%3Fb', { kind: 'tcp', host: '::1', port: 9 }, 'a?b'],
])('%s is understood', (text, server, exportName) => {
  expect(parseNbdUri(text)).toEqual({ server, exportName })
})

test('what uriOf makes is read back', () => {
  for (const server of [
    { kind: 'unix', path: '/tmp/ä b?&=#%.sock' },
    { kind: 'tcp', host: '::1', port: 10_809 },
    { kind: 'tcp', host: '127.0.0.1', port: 77 },
  ] as const)
    for (const exportName of ['', 'disk', 'a/b c', '100%?&#+'])
      expect(parseNbdUri(uriOf(server, exportName, false))).toEqual({ server, exportName })
})

test.each([
  ['nbds://host/x', /asks for TLS, which the harness does not speak/],
  ['nbds+unix:///x?socket=/s', /asks for TLS/],
  ['nbd+vsock://2/x', /scheme 'nbd\+vsock'/],
  ['nbd:unix:/tmp/s', /is no NBD URI; give nbd\+unix:/],
  ['nbd+unix:///x', /names no socket/],
  ['nbd+unix://host/x?socket=/s', /names the host 'host'/],
  ['nbd://host/x?socket=/s', /names a socket/],
  ['nbd:///x', /names no host/],
  ['nbd://a@host/x', /names a user/],
  ['nbd://host:0/x', /names the port 0/],
  ['nbd://host:65536/x', /names the port 65536/],
  ['nbd://host/%zz', /percent sign/],
  ['nbd://host/x?tls-certificates=/d', /parameter 'tls-certificates'/],
  ['nbd+unix:///x?socket=/a&socket=/b', /twice/],
  [`nbd+unix:///?socket=/${'a'.repeat(107)}`, /at most 107 bytes/],
])('%s is refused', (text, wanted) => {
  expect(() => parseNbdUri(text)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
  expect(() => parseNbdUri(text)).toThrow(wanted)
})
