import { describe, expect, test } from 'vitest'
import { statusNumbers } from '../../../src/base/errors.js'
import { command, commandFlag, nbdError } from '../../../src/nbd/protocol.js'
import { compact, converse, extended, MemorySeat, simpleReplies } from './transmission-bench.js'

const { cache, disc, flush, read, trim, write, writeZeroes, blockStatus } = command
const mebibyte = 1 << 20
const bye = compact({ type: disc })
const slice = (seat: MemorySeat, offset: number, length: number) =>
  Buffer.from(seat.disk.slice(offset, offset + length))
const pattern = (length: number, seed = 1) =>
  new Uint8Array(length).map((_, index) => (index * 31 + seed + (index >> 8)) & 0xff)

/** The errors of simple replies, in the order of the cookies. */
function errors(seat: MemorySeat, requests: readonly Uint8Array[], form = {}): number[] {
  const { bytes } = converse(seat, form, requests)
  return simpleReplies(bytes)
    .sort((a, b) => Number(a.cookie - b.cookie))
    .map(({ error }) => error)
}

describe('simple replies', () => {
  test('a read is answered with its bytes, wherever it lies', () => {
    const seat = new MemorySeat(mebibyte)
    const asked = [
      [0, 512],
      [4096, 4096],
      [1, 1],
      [511, 2],
      [700, 5000],
      [mebibyte - 3, 3],
      [0, 0],
      [0, mebibyte],
    ] as const
    const requests = asked.map(([offset, length], place) =>
      compact({ type: read, cookie: BigInt(place), offset, length }),
    )
    const { bytes, end } = converse(seat, {}, [Buffer.concat(requests), bye])
    const replies = simpleReplies(bytes, (cookie) => (asked[Number(cookie)] as readonly number[])[1] as number)
    expect(replies).toHaveLength(asked.length)
    for (const { cookie, data, error } of replies) {
      const [offset, length] = asked[Number(cookie)] as readonly [number, number]
      expect(error).toBe(0)
      expect(data.equals(slice(seat, offset, length))).toBe(true)
    }
    expect(end.reason).toBe('disconnected')
  })

  test('a write lands, whole sectors or not, and touches nothing else', () => {
    for (const [offset, length] of [
      [0, 512],
      [8192, 4096],
      [1, 1],
      [511, 2],
      [512, 1],
      [700, 5000],
      [100, 512],
      [mebibyte - 1, 1],
      [3, 1533],
      [mebibyte / 2, 0],
    ] as const) {
      const seat = new MemorySeat(mebibyte)
      const expected = Buffer.from(seat.disk)
      const payload = pattern(length)
      expected.set(payload, offset)
      expect(errors(seat, [compact({ type: write, offset, payload })])).toEqual([0])
      expect(Buffer.from(seat.disk).equals(expected)).toBe(true)
    }
  })

  test('requests that come together are one batch, answered with one send', () => {
    const seat = new MemorySeat(mebibyte)
    const requests = Array.from({ length: 64 }, (_, place) =>
      place % 2 === 0
        ? compact({ type: write, cookie: BigInt(place), offset: place * 4096, payload: pattern(4096, place) })
        : compact({ type: read, cookie: BigInt(place), offset: mebibyte / 2 + place * 512, length: 4096 }),
    )
    const { bytes, sends } = converse(seat, {}, [Buffer.concat(requests)])
    const replies = simpleReplies(bytes, (cookie) => (cookie % 2n === 1n ? 4096 : 0))
    expect(new Set(replies.map(({ cookie }) => cookie)).size).toBe(64)
    expect(sends).toBe(1)
    expect(seat.entered).toBe(1)
    expect(seat.calls).toEqual(['write 32'])
  })

  test('requests that come in pieces, cut at every byte, are the same requests', () => {
    const requests = Buffer.concat([
      compact({ type: write, cookie: 0x1122334455667788n, offset: 512, payload: pattern(512) }),
      compact({ type: read, cookie: 0xffeeddccbbaa9988n, offset: 512, length: 512 }),
      compact({ type: flush, cookie: 3n }),
      bye,
    ])
    const seat = new MemorySeat(4096)
    for (let cut = 1; cut < requests.length; cut++) {
      seat.disk.fill(0)
      const { bytes, end } = converse(seat, {}, [requests.subarray(0, cut), requests.subarray(cut)])
      const replies = simpleReplies(bytes, (cookie) => (cookie === 0xffeeddccbbaa9988n ? 512 : 0))
      expect(replies.map(({ cookie, error }) => [cookie, error]).sort()).toEqual(
        [
          [0x1122334455667788n, 0],
          [0xffeeddccbbaa9988n, 0],
          [3n, 0],
        ].sort(),
      )
      expect(end.reason).toBe('disconnected')
      expect(slice(seat, 512, 512).equals(Buffer.from(pattern(512)))).toBe(true)
    }
    const single = [...requests].map((byte) => Uint8Array.of(byte))
    expect(converse(seat, {}, single).bytes.length).toBe(3 * 16 + 512)
  })

  test('what came with the last option is the beginning', () => {
    const seat = new MemorySeat(4096)
    const request = compact({ type: write, offset: 0, payload: pattern(1024) })
    const { bytes, end } = converse(seat, { leftover: request.subarray(0, 40) }, [request.subarray(40)])
    expect(simpleReplies(bytes)).toHaveLength(1)
    expect(end.reason).toBe('closed')
    expect(slice(seat, 0, 1024).equals(Buffer.from(pattern(1024)))).toBe(true)
  })

  test('more requests than fit in buffers are all answered', () => {
    const seat = new MemorySeat(8 * mebibyte)
    const requests: Buffer[] = []
    const lengths = new Map<bigint, number>()
    for (let place = 0; place < 3000; place++) {
      const cookie = BigInt(place)
      const length = 1 + ((place * 7919) % 9000)
      if (place % 3 === 0) {
        requests.push(compact({ type: write, cookie, offset: 4 * mebibyte + place * 512, payload: pattern(length) }))
      } else {
        lengths.set(cookie, length)
        requests.push(compact({ type: read, cookie, offset: place * 1000, length }))
      }
    }
    const before = Buffer.from(seat.disk)
    const { bytes } = converse(seat, {}, [Buffer.concat(requests)])
    const replies = simpleReplies(bytes, (cookie) => lengths.get(cookie) ?? 0)
    expect(replies).toHaveLength(3000)
    for (const { cookie, data, error } of replies) {
      expect(error).toBe(0)
      const offset = Number(cookie) * 1000
      if (lengths.has(cookie)) expect(data.equals(before.subarray(offset, offset + data.length))).toBe(true)
    }
  })

  test('reads and writes longer than the buffers go in pieces', () => {
    const size = 33 * mebibyte
    const seat = new MemorySeat(size)
    const long = 32 * mebibyte
    for (const offset of [0, 512, 12345]) {
      const payload = pattern(long, offset)
      const written = converse(seat, {}, [compact({ type: write, offset, payload }), bye])
      expect(simpleReplies(written.bytes).map(({ error }) => error)).toEqual([0])
      expect(slice(seat, offset, long).equals(Buffer.from(payload))).toBe(true)
      const { bytes } = converse(seat, {}, [
        Buffer.concat([
          compact({ type: read, cookie: 1n, offset: 77, length: 100 }),
          compact({ type: read, cookie: 2n, offset, length: long }),
          compact({ type: read, cookie: 3n, offset: 78, length: 100 }),
        ]),
      ])
      const replies = simpleReplies(bytes, (cookie) => (cookie === 2n ? long : 100))
      expect(replies.map(({ cookie }) => cookie)).toEqual([1n, 2n, 3n])
      expect(replies[1]?.data.equals(Buffer.from(payload))).toBe(true)
    }
  })

  test('a write longer than the buffer that fails is answered after its last byte, and the next request is found', () => {
    const seat = new MemorySeat(16 * mebibyte)
    seat.failures.set(`write ${3 * mebibyte}`, statusNumbers.SNAPSHOT_OVERFLOW)
    const requests = [
      compact({ type: write, cookie: 1n, offset: 0, payload: pattern(8 * mebibyte) }),
      compact({ type: write, cookie: 2n, offset: 12 * mebibyte, payload: pattern(5 * mebibyte) }),
      compact({ type: write, cookie: 3n, offset: 0, payload: pattern(33 * mebibyte) }),
      compact({ type: flush, cookie: 4n }),
    ]
    expect(errors(seat, [Buffer.concat(requests)])).toEqual([nbdError.nospc, nbdError.nospc, nbdError.nospc, 0])
  })

  test('a long write with FUA is durable before it is answered', () => {
    const seat = new MemorySeat(4 * mebibyte)
    const request = compact({ type: write, offset: 0, flags: commandFlag.fua, payload: pattern(3 * mebibyte) })
    expect(errors(seat, [request])).toEqual([0])
    expect(seat.calls.at(-1)).toBe('flush')
  })

  test('flushes and writes with FUA share one flush, after all writes of the batch', () => {
    const seat = new MemorySeat(mebibyte)
    const requests = [
      compact({ type: flush, cookie: 1n }),
      compact({ type: write, cookie: 2n, offset: 0, payload: pattern(512), flags: commandFlag.fua }),
      compact({ type: write, cookie: 3n, offset: 512, payload: pattern(512) }),
      compact({ type: trim, cookie: 4n, offset: 4096, length: 4096, flags: commandFlag.fua }),
      compact({ type: writeZeroes, cookie: 5n, offset: 8192, length: 4096, flags: commandFlag.fua }),
      compact({ type: write, cookie: 6n, offset: 1024, payload: pattern(512), flags: commandFlag.fua }),
      compact({ type: read, cookie: 7n, offset: 1024, length: 0, flags: commandFlag.fua }),
    ]
    expect(errors(seat, [Buffer.concat(requests)])).toEqual([0, 0, 0, 0, 0, 0, 0])
    expect(seat.calls).toEqual(['write 2', 'discard 4096 4096', 'zero 8192 4096', 'write 1', 'flush'])
  })

  test('when the flush fails, what asked for it fails, and nothing else', () => {
    const seat = new MemorySeat(mebibyte)
    seat.failures.set('flush', statusNumbers.IO_ERROR)
    const requests = [
      compact({ type: flush, cookie: 1n }),
      compact({ type: write, cookie: 2n, offset: 0, payload: pattern(512), flags: commandFlag.fua }),
      compact({ type: write, cookie: 3n, offset: 512, payload: pattern(512) }),
    ]
    expect(errors(seat, [Buffer.concat(requests)])).toEqual([nbdError.io, nbdError.io, 0])
  })
})

describe('errors', () => {
  const size = mebibyte
  test.each([
    ['a read past the end', { type: read, offset: size - 511, length: 512 }, nbdError.inval],
    ['a read far past the end', { type: read, offset: 2n ** 63n, length: 512 }, nbdError.inval],
    ['a read at the last possible offset', { type: read, offset: 2n ** 64n - 1n, length: 2 }, nbdError.inval],
    ['a read longer than the limit', { type: read, offset: 0, length: 32 * mebibyte + 1 }, nbdError.inval],
    ['a write past the end', { type: write, offset: size, payload: pattern(1) }, nbdError.nospc],
    ['zeroes past the end', { type: writeZeroes, offset: 1, length: size }, nbdError.nospc],
    ['a trim past the end', { type: trim, offset: 1, length: size }, nbdError.inval],
    ['a cache past the end', { type: cache, offset: 1, length: size }, nbdError.inval],
    ['block status without contexts', { type: blockStatus, offset: 0, length: 512 }, nbdError.inval],
    ['an unknown command', { type: 9, offset: 0, length: 512 }, nbdError.inval],
    ['a resize', { type: command.resize, offset: 0, length: 512 }, nbdError.inval],
    ['a far unknown command', { type: 65535, offset: 0, length: 512 }, nbdError.inval],
    ['an unknown flag', { type: read, length: 512, flags: 1 << 15 }, nbdError.inval],
    ['a flag of another command', { type: read, length: 512, flags: commandFlag.noHole }, nbdError.inval],
    ['DF without chunks', { type: read, length: 512, flags: commandFlag.df }, nbdError.inval],
    [
      'a payload flag in compact headers',
      { type: write, payload: pattern(8), flags: commandFlag.payloadLen },
      nbdError.inval,
    ],
  ])('%s', (_, asked, error) => {
    const seat = new MemorySeat(size)
    const after = compact({ type: write, cookie: 2n, offset: 0, payload: pattern(512) })
    expect(errors(seat, [compact({ ...asked, cookie: 1n }), after])).toEqual([error, 0])
  })

  test('nothing is written to what only reads', () => {
    const requests = [
      compact({ type: write, cookie: 1n, payload: pattern(512) }),
      compact({ type: trim, cookie: 2n, length: 512 }),
      compact({ type: writeZeroes, cookie: 3n, length: 512 }),
      compact({ type: write, cookie: 4n, payload: pattern(3 * mebibyte) }),
      compact({ type: flush, cookie: 5n }),
      compact({ type: cache, cookie: 6n, length: 512 }),
    ]
    const { inval, perm } = nbdError
    expect(inval).toBe(22)
    expect(errors(new MemorySeat(8 * mebibyte), requests, { readOnly: true })).toEqual([perm, perm, perm, perm, 0, 0])
    const seat = new MemorySeat(8 * mebibyte)
    seat.readOnly = true
    const before = Buffer.from(seat.disk)
    expect(errors(seat, requests)).toEqual([perm, perm, perm, perm, 0, 0])
    expect(before.equals(Buffer.from(seat.disk))).toBe(true)
  })

  test.each([
    [statusNumbers.IO_ERROR, nbdError.io],
    [statusNumbers.SNAPSHOT_INVALID, nbdError.io],
    [statusNumbers.SNAPSHOT_OVERFLOW, nbdError.nospc],
    [statusNumbers.DEVICE_CLOSED, nbdError.shutdown],
    [statusNumbers.READ_ONLY, nbdError.perm],
    [statusNumbers.WORKER_DIED, nbdError.io],
  ])('status %i of the device is error %i', (status, error) => {
    const seat = new MemorySeat(mebibyte)
    for (const call of ['read 0', 'write 0', 'zero', 'discard']) seat.failures.set(call, status)
    const requests = [
      compact({ type: read, cookie: 1n, length: 512 }),
      compact({ type: write, cookie: 2n, payload: pattern(512) }),
      compact({ type: read, cookie: 3n, offset: 3, length: 5 }),
      compact({ type: write, cookie: 4n, offset: 3, payload: pattern(5) }),
      compact({ type: cache, cookie: 5n, length: 512 }),
      compact({ type: writeZeroes, cookie: 6n, length: 512 }),
      compact({ type: trim, cookie: 7n, length: 512 }),
      compact({ type: read, cookie: 8n, offset: 512, length: 0 }),
    ]
    expect(errors(seat, [Buffer.concat(requests)])).toEqual([error, error, error, error, error, error, error, 0])
  })

  test('a device that has been closed answers ESHUTDOWN to everything until the client goes', () => {
    const seat = new MemorySeat(mebibyte)
    seat.closedBefore = 2
    const rest = [read, write, flush, trim, writeZeroes, cache, 77].map((type, place) =>
      compact({ type, cookie: BigInt(place), length: 512, ...(type === write ? { payload: pattern(512) } : {}) }),
    )
    const { bytes, end } = converse(seat, {}, [compact({ type: read, cookie: 99n, length: 512 }), ...rest, bye])
    const replies = simpleReplies(bytes, () => 512)
    expect(replies.map(({ error }) => error)).toEqual([0, ...rest.map(() => nbdError.shutdown)])
    expect(end.reason).toBe('device-gone')
  })

  test('a device that shrinks is the size it is', () => {
    const seat = new MemorySeat(mebibyte)
    seat.onEnter = (count) => {
      if (count === 2) seat.size = () => 512
    }
    const far = (cookie: bigint) => compact({ type: write, cookie, offset: 4096, payload: pattern(512) })
    expect(errors(seat, [far(1n), far(2n)])).toEqual([0, nbdError.nospc])
  })

  test('what is no request ends the connection, after what came before it has been answered', () => {
    const seat = new MemorySeat(mebibyte)
    const good = compact({ type: write, payload: pattern(512), flags: commandFlag.fua })
    const { bytes, end } = converse(seat, {}, [Buffer.concat([good, Buffer.alloc(28, 0x55), good])])
    expect(simpleReplies(bytes)).toHaveLength(1)
    expect(end.reason).toBe('protocol')
    expect(converse(new MemorySeat(512), {}, [extended({ type: read, length: 512 })]).end.reason).toBe('protocol')
    const giant = compact({ type: write, length: 2 ** 32 - 1 })
    expect(converse(new MemorySeat(512), {}, [giant]).end.reason).toBe('protocol')
  })

  test('a client that goes is no failure, wherever it stops', () => {
    const bytes = Buffer.concat([
      compact({ type: write, offset: 0, payload: pattern(1024) }),
      compact({ type: write, offset: 0, payload: pattern(3 * mebibyte) }),
    ])
    for (const cut of [0, 1, 27, 28, 29, 1051, 1052, 1060, 1080, 2_000_000, bytes.length - 1]) {
      expect(converse(new MemorySeat(4 * mebibyte), {}, [bytes.subarray(0, cut)]).end).toEqual({ reason: 'closed' })
    }
    const read8 = compact({ type: read, length: 8 * mebibyte })
    const { end } = converse(new MemorySeat(8 * mebibyte), { sendsMax: 2 }, [read8])
    expect(end.reason).toBe('closed')
  })

  test('a simple read that fails after its header has gone ends the connection', () => {
    const seat = new MemorySeat(8 * mebibyte)
    seat.failures.set(`read ${5 * mebibyte}`, statusNumbers.IO_ERROR)
    const request = compact({ type: read, length: 8 * mebibyte })
    const { bytes, end } = converse(seat, {}, [request, request])
    expect(bytes.length).toBe(16 + 5 * mebibyte)
    expect(end.reason).toBe('device-gone')
    seat.failures.set('read 0', statusNumbers.IO_ERROR)
    expect(errors(seat, [request])).toEqual([nbdError.io])
  })
})

describe('trim, zeroes and cache', () => {
  test('a trim discards the whole sectors of its range', () => {
    const seat = new MemorySeat(mebibyte)
    const ask = (offset: number, length: number) => compact({ type: trim, offset, length })
    expect(errors(seat, [ask(4096, 8192), ask(1, 511), ask(1, 1023), ask(100, 100), ask(0, 0)])).toEqual([
      0, 0, 0, 0, 0,
    ])
    expect(seat.calls).toEqual(['discard 4096 8192', 'discard 512 512'])
  })

  test('a trim that the device cannot do has been done', () => {
    const seat = new MemorySeat(mebibyte)
    seat.failures.set('discard', statusNumbers.NOT_SUPPORTED)
    expect(errors(seat, [compact({ type: trim, offset: 0, length: 512 })])).toEqual([0])
  })

  const range = [700, 70_000] as const
  test.each([
    ['deallocated', 0, false, true],
    ['as bytes where it cannot be', 0, true, true],
    ['as bytes when no hole is wanted', commandFlag.noHole, false, true],
    ['fast', commandFlag.fastZero, false, true],
    ['fast, where it cannot be', commandFlag.fastZero, true, false],
    ['fast, without a hole', commandFlag.fastZero | commandFlag.noHole, false, false],
  ])('zeroes: %s', (_, flags, isUnsupported, isDone) => {
    for (const [offset, length] of [range, [1024, 4096], [5, 10], [510, 4], [0, mebibyte]] as const) {
      const seat = new MemorySeat(mebibyte)
      if (isUnsupported) seat.failures.set('zero', statusNumbers.NOT_SUPPORTED)
      const expected = Buffer.from(seat.disk)
      const [error] = errors(seat, [compact({ type: writeZeroes, offset, length, flags })])
      // What is within sectors needs no deallocation, and is as fast as can be.
      const isTiny = Math.floor((offset + length) / 512) * 512 <= Math.ceil(offset / 512) * 512
      const isCarriedOut = isDone || (isTiny && (flags & commandFlag.noHole) === 0)
      expect(error).toBe(isCarriedOut ? 0 : nbdError.notsup)
      if (isCarriedOut) expected.fill(0, offset, offset + length)
      expect(Buffer.from(seat.disk).equals(expected)).toBe(true)
      if ((flags & commandFlag.noHole) !== 0) expect(seat.calls.some((call) => call.startsWith('zero'))).toBe(false)
    }
  })

  test('long zeroes rest in between, and the device may close meanwhile', () => {
    const seat = new MemorySeat(40 * mebibyte)
    const ask = compact({ type: writeZeroes, length: 40 * mebibyte, flags: commandFlag.noHole })
    expect(errors(seat, [ask])).toEqual([0])
    expect(seat.disk.every((byte) => byte === 0)).toBe(true)
    expect(seat.entered).toBeGreaterThan(3)
    seat.closedBefore = seat.entered + 3
    expect(errors(seat, [ask])).toEqual([nbdError.shutdown])
  })

  test('a cache reads at most the beginning of its range', () => {
    const seat = new MemorySeat(40 * mebibyte)
    const asks = [
      [0, 40 * mebibyte],
      [333, 1000],
      [5, 0],
    ] as const
    expect(
      errors(
        seat,
        asks.map(([offset, length]) => compact({ type: cache, offset, length })),
      ),
    ).toEqual([0, 0, 0])
  })
})
