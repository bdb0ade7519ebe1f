import { expect, test } from 'vitest'
import { socketCalls } from '../../../src/io/libc.js'
import { command } from '../../../src/nbd/protocol.js'
import { socketStream } from '../../../src/nbd/transmission/byte-stream.js'
import { Connection } from '../../../src/nbd/transmission/connection.js'
import { transmit } from '../../../src/nbd/transmission/transmission.js'
import { compact, MemorySeat, simpleReplies } from './transmission-bench.js'

const unix = 1
const stream = 1

/** Two ends that are connected. */
function pair(): readonly [number, number] {
  const both = new Uint8Array(8)
  expect(socketCalls().socketpair(unix, stream, 0, both)).toBe(0)
  const [one, other] = new Int32Array(both.buffer)
  return [one as number, other as number]
}

const memory = (bytes: Uint8Array) => {
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length))
  shared.set(bytes)
  return shared
}

test('requests from a socket are answered there', () => {
  const [server, client] = pair()
  const seat = new MemorySeat(65536)
  const mine = memory(
    Buffer.concat([
      compact({ type: command.read, cookie: 1n, offset: 4096, length: 4096 }),
      compact({ type: command.write, cookie: 2n, offset: 0, payload: Buffer.alloc(512, 7) }),
      compact({ type: command.disc }),
    ]),
  )
  const there = socketStream(client, mine)
  expect(there.send(0, mine.length)).toBe(true)
  const task = {
    device: 3,
    readOnly: false,
    structuredReplies: false,
    extendedHeaders: false,
    contexts: [],
    leftover: new Uint8Array(0),
  }
  expect(transmit(new Connection(task, seat, socketStream(server, seat.arena)))).toEqual({ reason: 'disconnected' })
  socketCalls().close(server)
  const answer = memory(new Uint8Array(8192))
  const theirs = socketStream(client, answer)
  let length = 0
  for (let count = -1; count !== 0; length += count) count = theirs.receive(length, answer.length - length)
  socketCalls().close(client)
  const replies = simpleReplies(Buffer.from(answer.slice(0, length)), (cookie) => (cookie === 1n ? 4096 : 0))
  expect(replies.map(({ cookie, error }) => [cookie, error])).toEqual([
    [1n, 0],
    [2n, 0],
  ])
  expect(replies[0]?.data.equals(Buffer.from(seat.disk.slice(4096, 8192)))).toBe(true)
})

test('a socket whose other end is closed is a client that is gone, and no signal', () => {
  const [server, client] = pair()
  const bytes = memory(new Uint8Array(1024))
  const here = socketStream(server, bytes)
  socketCalls().close(client)
  expect(here.receive(0, 1024)).toBe(0)
  expect(here.send(0, 1024)).toBe(false)
  socketCalls().close(server)
  expect(here.receive(0, 1024)).toBe(0)
  expect(here.send(0, 1024)).toBe(false)
})
