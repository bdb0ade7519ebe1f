import { describe, expect, test } from 'vitest'
import { statusNumbers } from '../../../src/base/errors.js'
import type { NegotiatedContext } from '../../../src/nbd/connection-task.js'
import { command, commandFlag, nbdError, replyType } from '../../../src/nbd/protocol.js'
import {
  type Asked,
  assembled,
  chunks,
  compact,
  converse,
  extended,
  type Form,
  MemorySeat,
} from './transmission-bench.js'

const { blockStatus, disc, flush, read, trim, write, writeZeroes } = command
const { df, payloadLen, reqOne } = commandFlag
const mebibyte = 1 << 20
const slice = (seat: MemorySeat, offset: number, length: number) =>
  Buffer.from(seat.disk.slice(offset, offset + length))

const contexts: readonly NegotiatedContext[] = [
  { id: 5, kind: 'allocation', snapshotDevice: -1 },
  { id: 6, kind: 'depth', snapshotDevice: -1 },
  { id: 70000, kind: 'dirty', snapshotDevice: 9 },
]

interface Dialect {
  readonly form: Form
  readonly ask: (asked: Asked) => Buffer
}

const dialects: readonly (readonly [string, Dialect])[] = [
  ['structured', { form: { structuredReplies: true, contexts }, ask: compact }],
  [
    'extended',
    {
      form: { extendedHeaders: true, contexts },
      ask: (asked) =>
        extended({ ...asked, flags: (asked.flags ?? 0) | (asked.payload === undefined ? 0 : payloadLen) }),
    },
  ],
]

/** What an error chunk says. */
function errorOf(payload: Buffer): { readonly error: number; readonly text: string } {
  expect(payload.readUInt16BE(4)).toBe(payload.length - 6)
  return { error: payload.readUInt32BE(0), text: payload.subarray(6).toString('utf8') }
}

/** A seat whose holes are where `isHole` says, and zeroes there. */
function sparse(sizeBytes: number, isHole: (byteOffset: number) => boolean): MemorySeat {
  const seat = new MemorySeat(sizeBytes)
  seat.holes = isHole
  for (let at = 0; at < sizeBytes; at += 512) if (isHole(at)) seat.disk.fill(0, at, at + 512)
  return seat
}

describe.each(dialects)('%s replies', (name, { form, ask }) => {
  const isExtended = name === 'extended'

  test('a short read is one chunk, whatever the device is like', () => {
    const seat = sparse(mebibyte, () => true)
    for (const [offset, length] of [
      [0, 512],
      [4096, 4096],
      [5, 3000],
      [mebibyte - 1, 1],
    ] as const) {
      const parts = chunks(converse(seat, form, [ask({ type: read, offset, length })]).bytes)
      expect(parts).toHaveLength(1)
      expect(assembled(parts, offset, length).equals(slice(seat, offset, length))).toBe(true)
      if (isExtended) expect(parts[0]?.offset).toBe(BigInt(offset))
    }
  })

  test('a long read leaves out its holes, and not the tiny ones', () => {
    const isHole = (at: number) => (at >= 65536 && at < 200_704) || (at >= 262_144 && at < 264_192)
    const seat = sparse(mebibyte, isHole)
    seat.granularity = 4096
    const bytes = converse(seat, form, [ask({ type: read, offset: 0, length: mebibyte })]).bytes
    const parts = chunks(bytes)
    expect(parts.map(({ type }) => type)).toEqual([1, 2, 1])
    expect(assembled(parts, 0, mebibyte).equals(slice(seat, 0, mebibyte))).toBe(true)
    expect(bytes.length).toBeLessThan(mebibyte - 135_168 + 200)
    const whole = chunks(converse(seat, form, [ask({ type: read, offset: 65536, length: 65536 })]).bytes)
    expect(whole.map(({ type, isDone }) => [type, isDone])).toEqual([[2, true]])
  })

  test.each([
    ['in order', (at: number) => Math.floor(at / 4096) % 2 === 1],
    ['beginning with a hole', (at: number) => Math.floor(at / 4096) % 2 === 0],
    ['without holes', () => false],
    ['all hole', () => true],
  ])('a read of 32 MiB is whole: %s', (_, isHole) => {
    const seat = sparse(33 * mebibyte, isHole)
    for (const offset of [0, 4096, 777]) {
      const { bytes } = converse(seat, form, [
        Buffer.concat([
          ask({ type: read, cookie: 7n, offset, length: 32 * mebibyte }),
          ask({ type: read, cookie: 8n, offset, length: mebibyte }),
        ]),
      ])
      const parts = chunks(bytes)
      const of = (cookie: bigint) => parts.filter((part) => part.cookie === cookie)
      const long = 32 * mebibyte
      expect(assembled(of(7n), offset, long).equals(slice(seat, offset, long))).toBe(true)
      expect(assembled(of(8n), offset, mebibyte).equals(slice(seat, offset, mebibyte))).toBe(true)
    }
  })

  test('an unfragmented read is one chunk with its holes as zeroes, or EOVERFLOW', () => {
    const seat = sparse(8 * mebibyte, (at) => at >= 4096)
    for (const length of [65536, mebibyte]) {
      const parts = chunks(converse(seat, form, [ask({ type: read, length, flags: df })]).bytes)
      expect(parts.map(({ type }) => type)).toEqual([replyType.offsetData])
      expect(assembled(parts, 0, length).equals(slice(seat, 0, length))).toBe(true)
    }
    const [part, ...more] = chunks(converse(seat, form, [ask({ type: read, length: 8 * mebibyte, flags: df })]).bytes)
    expect(more).toEqual([])
    expect(errorOf(part?.payload as Buffer).error).toBe(nbdError.overflow)
  })

  test('a read of nothing is done', () => {
    const [part] = chunks(converse(new MemorySeat(512), form, [ask({ type: read, length: 0 })]).bytes)
    expect(part).toMatchObject({ type: replyType.none, isDone: true })
  })

  test('errors come with a text, also of reads', () => {
    const seat = new MemorySeat(mebibyte)
    seat.failures.set('read 512', statusNumbers.SNAPSHOT_INVALID)
    const requests = [
      ask({ type: read, cookie: 1n, offset: 512, length: 512 }),
      ask({ type: read, cookie: 2n, offset: mebibyte, length: 512 }),
      ask({ type: write, cookie: 3n, offset: mebibyte, payload: Buffer.alloc(512) }),
      ask({ type: 99, cookie: 4n, offset: 0, length: 512 }),
      ask({ type: read, cookie: 5n, offset: 0, length: 65536 }),
    ]
    const parts = chunks(converse(seat, form, [Buffer.concat(requests)]).bytes)
    const { inval, io, nospc } = nbdError
    expect(parts.map(({ type, isDone }) => [type, isDone])).toEqual(requests.map(() => [replyType.error, true]))
    expect(parts.map(({ payload }) => errorOf(payload).error)).toEqual([io, inval, nospc, inval, io])
    expect(parts.every(({ payload }) => errorOf(payload).text.length > 5)).toBe(true)
  })

  test('a long read that fails later ends with an error, and the connection goes on', () => {
    const seat = new MemorySeat(16 * mebibyte)
    seat.failures.set(`read ${5 * mebibyte}`, statusNumbers.IO_ERROR)
    const requests = [
      ask({ type: read, cookie: 1n, length: 8 * mebibyte }),
      ask({ type: read, cookie: 2n, length: 512 }),
    ]
    const parts = chunks(converse(seat, form, requests).bytes)
    const first = parts.filter(({ cookie }) => cookie === 1n)
    expect(first.at(-1)).toMatchObject({ type: replyType.error, isDone: true })
    expect(first.slice(0, -1).every(({ isDone, type }) => !isDone && type === replyType.offsetData)).toBe(true)
    expect(parts.at(-1)).toMatchObject({ cookie: 2n, type: replyType.offsetData })
  })

  test('success without content is a reply without content', () => {
    const seat = new MemorySeat(mebibyte)
    const requests = [
      ask({ type: write, cookie: 1n, payload: Buffer.alloc(512) }),
      ask({ type: flush, cookie: 2n }),
      ask({ type: trim, cookie: 3n, length: 512 }),
      ask({ type: writeZeroes, cookie: 4n, length: 512 }),
      ask({ type: command.cache, cookie: 5n, length: 512 }),
    ]
    const parts = chunks(converse(seat, form, [Buffer.concat(requests)]).bytes)
    expect(parts.map(({ cookie }) => cookie).sort()).toEqual([1n, 2n, 3n, 4n, 5n])
    expect(parts.every(({ isDone, payload }) => isDone && payload.length === 0)).toBe(true)
    expect(new Set(parts.map(({ type }) => type))).toEqual(new Set([isExtended ? replyType.none : -1]))
  })

  describe('block status', () => {
    interface Status {
      readonly id: number
      readonly descriptors: readonly (readonly [number, number])[]
    }
    const statuses = (bytes: Buffer): Status[] => {
      const parts = chunks(bytes)
      expect(parts.map(({ isDone }) => isDone)).toEqual(parts.map((_, place) => place === parts.length - 1))
      return parts.map(({ payload, type }) => {
        expect(type).toBe(isExtended ? replyType.blockStatusExt : replyType.blockStatus)
        const descriptors: [number, number][] = []
        for (let at = isExtended ? 8 : 4; at < payload.length; at += isExtended ? 16 : 8) {
          if (isExtended) {
            descriptors.push([Number(payload.readBigUInt64BE(at)), Number(payload.readBigUInt64BE(at + 8))])
          } else descriptors.push([payload.readUInt32BE(at), payload.readUInt32BE(at + 4)])
        }
        if (isExtended) expect(payload.readUInt32BE(4)).toBe(descriptors.length)
        return { id: payload.readUInt32BE(0), descriptors }
      })
    }
    const isHole = (at: number) => at >= 16384 && at < 20480
    const status = (seat: MemorySeat, asked: Partial<Asked>, more: Form = {}) =>
      statuses(converse(seat, { ...form, ...more }, [ask({ type: blockStatus, ...asked })]).bytes)

    test('every context tells of the range, neighbours with equal flags as one', () => {
      const seat = sparse(mebibyte, isHole)
      seat.granularity = 1024
      expect(status(seat, { offset: 0, length: mebibyte })).toEqual([
        {
          id: 5,
          descriptors: [
            [16384, 0],
            [4096, 3],
            [mebibyte - 20480, 0],
          ],
        },
        {
          id: 6,
          descriptors: [
            [16384, 1],
            [4096, 0],
            [mebibyte - 20480, 1],
          ],
        },
        {
          id: 70000,
          descriptors: [
            [8192, 1],
            [mebibyte - 8192, 0],
          ],
        },
      ])
    })

    test('one descriptor when one is asked for', () => {
      const seat = sparse(mebibyte, isHole)
      seat.granularity = 1024
      expect(status(seat, { length: mebibyte, flags: reqOne }).map(({ descriptors }) => descriptors)).toEqual([
        [[16384, 0]],
        [[16384, 1]],
        [[8192, 1]],
      ])
    })

    test('a range that is not whole sectors is told of as it is', () => {
      const seat = sparse(mebibyte, isHole)
      const [allocation] = status(seat, { offset: 16000, length: 1000 })
      expect(allocation?.descriptors).toEqual([
        [384, 0],
        [616, 3],
      ])
      expect(status(seat, { offset: 3, length: 4 })[0]?.descriptors).toEqual([[4, 0]])
    })

    test('no more descriptors than fit, for each context', () => {
      const seat = sparse(16 * mebibyte, (at) => (at / 512) % 2 === 1)
      const found = status(seat, { length: 16 * mebibyte })
      expect(found.map(({ id }) => id)).toEqual([5, 6, 70000])
      for (const { descriptors } of found.slice(0, 2)) {
        expect(descriptors.length).toBeGreaterThan(1000)
        expect(descriptors.every(([length]) => length === 512)).toBe(true)
      }
    })

    test('nothing, or something past the end, is not valid', () => {
      const seat = new MemorySeat(mebibyte)
      for (const asked of [
        { offset: 0, length: 0 },
        { offset: mebibyte, length: 1 },
        { offset: 1, length: mebibyte },
      ]) {
        const [part] = chunks(converse(seat, form, [ask({ type: blockStatus, ...asked })]).bytes)
        expect(errorOf(part?.payload as Buffer).error).toBe(nbdError.inval)
      }
      const [part] = chunks(converse(seat, { ...form, contexts: [] }, [ask({ type: blockStatus, length: 512 })]).bytes)
      expect(errorOf(part?.payload as Buffer).error).toBe(nbdError.inval)
    })

    test.skipIf(!isExtended)('a payload says which contexts are meant, and how long the range is', () => {
      const seat = sparse(mebibyte, isHole)
      const filter = (length: number, ...ids: number[]) => {
        const payload = Buffer.alloc(8 + 4 * ids.length)
        payload.writeBigUInt64BE(BigInt(length), 0)
        for (const [place, id] of ids.entries()) payload.writeUInt32BE(id, 8 + 4 * place)
        return payload
      }
      expect(status(seat, { offset: 512, payload: filter(4096, 70000, 5) })).toEqual([
        { id: 70000, descriptors: [[4096, 1]] },
        { id: 5, descriptors: [[4096, 0]] },
      ])
      for (const payload of [
        filter(4096),
        filter(4096, 4),
        filter(4096, 5, 5),
        filter(0, 5),
        filter(2 * mebibyte, 5),
        filter(4096, 5).subarray(0, 11),
        Buffer.alloc(1),
        Buffer.alloc(3 * mebibyte),
      ]) {
        const after = ask({ type: read, cookie: 2n, length: 512 })
        const [part, next] = chunks(converse(seat, form, [ask({ type: blockStatus, payload }), after]).bytes)
        expect(errorOf(part?.payload as Buffer).error).toBe(nbdError.inval)
        expect(next).toMatchObject({ cookie: 2n, type: replyType.offsetData })
      }
    })
  })
})

describe('extended requests', () => {
  const form: Form = { extendedHeaders: true }
  const answers = (seat: MemorySeat, requests: readonly Buffer[]) =>
    chunks(converse(seat, form, [Buffer.concat(requests)]).bytes).map(({ payload, type }) =>
      type === replyType.error ? errorOf(payload).error : 0,
    )

  test('effects may be longer than 32 bits', () => {
    const seat = new MemorySeat(mebibyte)
    const gibibytes = 8 * 2 ** 30
    seat.size = () => gibibytes
    seat.failures.set('zero', statusNumbers.IO_ERROR)
    expect(answers(seat, [extended({ type: trim, length: gibibytes })])).toEqual([0])
    const trimmed = seat.calls.map((call) => Number(call.split(' ')[2])).reduce((sum, length) => sum + length, 0)
    expect(trimmed).toBe(gibibytes)
    const far = { offset: 2n ** 32n, length: 2n ** 32n }
    expect(
      answers(seat, [extended({ type: trim, ...far }), extended({ type: trim, ...far, length: 2n ** 32n + 1n })]),
    ).toEqual([0, nbdError.inval])
    expect(answers(seat, [extended({ type: writeZeroes, length: 2n ** 63n })])).toEqual([nbdError.nospc])
  })

  test('the flag tells whether a payload follows, of whatever command', () => {
    const seat = new MemorySeat(mebibyte)
    const payload = Buffer.alloc(700, 0x21)
    const requests = [
      extended({ type: write, cookie: 1n, length: 512 }),
      extended({ type: read, cookie: 2n, payload, flags: payloadLen }),
      extended({ type: 99, cookie: 3n, payload, flags: payloadLen }),
      extended({ type: trim, cookie: 4n, payload, flags: payloadLen }),
      extended({ type: 98, cookie: 5n, payload: Buffer.alloc(3 * mebibyte), flags: payloadLen }),
      extended({ type: write, cookie: 6n, payload, flags: payloadLen }),
      extended({ type: disc }),
    ]
    const { inval } = nbdError
    expect(answers(seat, requests)).toEqual([inval, inval, inval, inval, inval, 0])
    expect(slice(seat, 0, 700).equals(payload)).toBe(true)
  })

  test('a read longer than the limit is EOVERFLOW', () => {
    const seat = new MemorySeat(64 * mebibyte)
    expect(answers(seat, [extended({ type: read, length: 33 * mebibyte })])).toEqual([nbdError.overflow])
  })

  test('compact requests are no requests any more', () => {
    expect(converse(new MemorySeat(512), form, [compact({ type: read, length: 512 })]).end.reason).toBe('protocol')
  })
})
