/** Connections over a real socket; what they carry out here are a few verbs of this test's own. */
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createConnection, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CowringError } from '../../../../src/base/errors.js'
import { DaemonClient } from '../../../../src/cli/daemon/client.js'
import { Connection } from '../../../../src/cli/daemon/connection.js'
import { encodeFrame } from '../../../../src/cli/daemon/frames.js'
import type { DaemonRequest } from '../../../../src/cli/daemon/protocol.js'
import type { Session } from '../../../../src/cli/daemon/session.js'
import { holds } from '../seeded.js'

/** `info` echoes, `clear` waits to be let go, `wait` waits for the signal, `status` fails as a bug does. */
class EchoSession implements Session {
  readonly seen: string[] = []
  readonly held: (() => void)[] = []
  isClosed = false
  waitsEnded = 0

  async perform({ verb, words }: DaemonRequest, signal: AbortSignal): Promise<unknown> {
    this.seen.push(`${verb} ${words[0] ?? ''}`)
    if (verb === 'info') return { name: words[0] }
    if (verb === 'clear') return new Promise<void>((resolve) => this.held.push(resolve))
    if (verb === 'wait') {
      await new Promise((resolve) => {
        if (signal.aborted) resolve(undefined)
        signal.addEventListener('abort', resolve)
      })
      this.waitsEnded++
      throw signal.reason
    }
    if (verb === 'table') return 'x'.repeat(5 * 2 ** 20)
    if (verb === 'status') throw new TypeError('a bug')
    throw new CowringError('DEVICE_BUSY', 'busy', { device: 'a', errno: 16, ioctl: verb })
  }

  async close(): Promise<void> {
    this.isClosed = true
  }
}

let folder: string
let path: string
let server: Server
let log: string[]
const sessions: EchoSession[] = []
const connections: Connection[] = []
const sockets: Socket[] = []

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cowring-connection-'))
  path = join(folder, 's')
  log = []
  server = createServer((socket) => {
    const session = new EchoSession()
    sessions.push(session)
    connections.push(new Connection(socket, session, (line) => log.push(line)))
  })
  await once(server.listen(path), 'listening')
})

afterEach(async () => {
  for (const connection of connections.splice(0)) connection.destroy()
  for (const socket of sockets.splice(0)) socket.destroy()
  sessions.length = 0
  await new Promise((resolve) => server.close(resolve))
  rmSync(folder, { recursive: true, force: true })
})

async function rawSocket(): Promise<Socket> {
  const socket = createConnection(path)
  sockets.push(socket)
  socket.on('error', () => {})
  socket.resume()
  await once(socket, 'connect')
  return socket
}

const lastSession = () => sessions.at(-1) as EchoSession
const until = async (condition: () => boolean) => {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2))
}

describe('a connection', () => {
  it('answers each request with its number, in order, one after the other', async () => {
    const client = await DaemonClient.connect(path)
    const answers: string[] = []
    const first = client.call('clear', ['slow']).then(() => answers.push('clear'))
    const second = client.call('info', ['a']).then((value) => answers.push(JSON.stringify(value)))
    const third = client.call('remove', ['a']).catch((error) => answers.push(error.facts.ioctl))
    await until(() => sessions.length > 0 && lastSession().held.length === 1)
    expect(lastSession().seen).toEqual(['clear slow'])
    lastSession().held[0]?.()
    await Promise.all([first, second, third])
    expect(answers).toEqual(['clear', '{"name":"a"}', 'remove'])
    client.close()
  })

  it('carries an operating error over whole, and a bug as its message', async () => {
    const client = await DaemonClient.connect(path)
    const refused = await client.call('remove', ['a']).catch((error) => error)
    expect(refused).toBeInstanceOf(CowringError)
    expect(refused).toMatchObject({
      code: 'DEVICE_BUSY',
      message: 'busy',
      facts: { device: 'a', errno: 16, ioctl: 'remove' },
    })
    await expect(client.call('status', ['a'])).rejects.toThrow('the daemon failed: a bug')
    expect(log.join('\n')).toContain('TypeError: a bug')
    expect(await client.call('info', ['a'])).toEqual({ name: 'a' })
    client.close()
  })

  it('says so when an answer is too long for a frame', async () => {
    const client = await DaemonClient.connect(path)
    await expect(client.call('table', ['a'])).rejects.toThrow('longer than')
    expect(await client.call('info', ['a'])).toEqual({ name: 'a' })
    client.close()
  })

  it('that goes away ends its wait and closes what it had open', async () => {
    const client = await DaemonClient.connect(path)
    const waiting = client.call('wait', ['a', 0]).catch((error) => error.code)
    await until(() => sessions.length > 0 && lastSession().seen.length === 1)
    client.close()
    expect(await waiting).toBe('ENGINE_CLOSED')
    await until(() => lastSession().isClosed)
    expect(lastSession().waitsEnded).toBe(1)
    expect(log).toEqual([])
  })

  it.each([
    ['a frame that is too long', Buffer.from([0xff, 0xff, 0xff, 0xff])],
    ['a frame that is no request', Buffer.from([0, 0, 0, 1, 0xc1])],
    ['a frame with too much in it', Buffer.from([0, 0, 0, 2, 1, 1])],
    ['an empty frame', Buffer.from([0, 0, 0, 0])],
    ['a request of no known verb', encodeFrame({ id: 1, verb: 'frob', words: [] })],
    ['a request with a wrong word', encodeFrame({ id: 1, verb: 'info', words: [7] })],
    ['words of another protocol', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
  ])('with %s is closed, with one line in the log, and the others go on', async (_, bytes) => {
    const other = await DaemonClient.connect(path)
    const bad = await rawSocket()
    const closed = once(bad, 'close')
    bad.write(bytes)
    await closed
    await until(() => log.length > 0)
    expect(log).toHaveLength(1)
    expect(log[0]).toMatch(/^a connection is closed: .+$/)
    expect(await other.call('info', ['a'])).toEqual({ name: 'a' })
    other.close()
  })

  it('that ends in the middle of a frame is worth one line', async () => {
    const bad = await rawSocket()
    bad.end(encodeFrame({ id: 1, verb: 'info', words: ['a'] }).subarray(0, 9))
    await until(() => log.length > 0)
    expect(log).toEqual(['a connection ended in the middle of a frame, after 9 bytes of it'])
  })

  it('with more requests than it waits for is closed', async () => {
    const bad = await rawSocket()
    const closed = once(bad, 'close')
    const frame = encodeFrame({ id: 1, verb: 'clear', words: ['a'] })
    bad.write(Buffer.concat(Array.from({ length: 40 }, () => frame)))
    await closed
    expect(log.join()).toContain('more than 16 requests wait')
    lastSession().held[0]?.()
    await until(() => lastSession().isClosed)
  })

  it('of any bytes never does more than that', async () => {
    const good = await DaemonClient.connect(path)
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 64 }),
      fc.anything().map((value) => encodeFrame(JSON.parse(JSON.stringify(value ?? null) ?? 'null'))),
      fc
        .record({
          id: fc.nat(),
          verb: fc.constantFrom('info', 'remove', 'frob'),
          words: fc.array(fc.anything({ maxDepth: 1 })),
        })
        .map((value) => encodeFrame(JSON.parse(JSON.stringify(value)))),
    )
    await holds(
      'daemon/connection.test.ts',
      fc.asyncProperty(fc.array(piece, { maxLength: 6 }), async (pieces) => {
        const bad = await rawSocket()
        const closed = once(bad, 'close')
        for (const bytes of pieces) bad.write(bytes)
        bad.end()
        await closed
        sockets.splice(sockets.indexOf(bad), 1)
        expect(await good.call('info', ['still'])).toEqual({ name: 'still' })
      }),
      150,
    )
    good.close()
  })

  it('that has closed fails what is asked afterwards', async () => {
    const client = await DaemonClient.connect(path)
    await client.call('info', ['a'])
    await connections[0]?.drain()
    await until(() => lastSession().isClosed)
    await new Promise((resolve) => setTimeout(resolve, 20))
    await expect(client.call('info', ['a'])).rejects.toMatchObject({ code: 'ENGINE_CLOSED' })
  })

  it('that is drained ends its wait with a reason and answers it', async () => {
    const client = await DaemonClient.connect(path)
    const waiting = client.call('wait', ['a', 0]).catch((error) => error.message)
    await until(() => sessions.length > 0 && lastSession().seen.length === 1)
    await connections[0]?.drain()
    expect(await waiting).toBe('the daemon is stopping; start another one')
    expect(lastSession().isClosed).toBe(true)
  })

  it('that is drained finishes and answers the request that runs, and takes no other', async () => {
    const client = await DaemonClient.connect(path)
    const running = client.call('clear', ['a'])
    const next = client.call('info', ['b']).catch((error) => error.code)
    await until(() => sessions.length > 0 && lastSession().held.length === 1)
    const drained = connections[0]?.drain()
    lastSession().held[0]?.()
    await drained
    await running
    expect(await next).toBe('ENGINE_CLOSED')
    expect(lastSession().seen).toEqual(['clear a'])
  })
})
