import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BadRequest, checkRequest } from '../../../../src/cli/daemon/check-request.js'
import { decodeBody, encodeFrame, FrameCutter, FrameError, frameBytesMax } from '../../../../src/cli/daemon/frames.js'
import { dataBytesMax } from '../../../../src/cli/daemon/protocol.js'
import { holds } from '../seeded.js'

const request = (verb: string, ...words: readonly unknown[]) => ({ id: 1, verb, words })

describe('frames', () => {
  it('come out as they went in, however the stream is cut', async () => {
    const values = fc.array(fc.oneof(fc.string(), fc.integer(), fc.uint8Array({ maxLength: 300 })), { maxLength: 5 })
    await holds(
      'daemon/frames.test.ts',
      fc.property(
        fc.array(values, { maxLength: 6 }),
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }),
        (all, cuts) => {
          const stream = Buffer.concat(all.map((value) => encodeFrame(value)))
          const cutter = new FrameCutter()
          const bodies: Buffer[] = []
          for (let at = 0, cut = 0; at < stream.byteLength; cut++) {
            const length = cuts[cut % cuts.length] ?? 1
            bodies.push(...cutter.push(stream.subarray(at, at + length)))
            at += length
          }
          expect(bodies.map((body) => JSON.stringify(decodeBody(body)))).toEqual(
            all.map((value) => JSON.stringify(decodeBody(encodeFrame(value).subarray(4)))),
          )
          expect(cutter.pendingBytes).toBe(0)
        },
      ),
    )
  })

  it('of the largest length pass, and a byte more is refused from its length alone', () => {
    const cutter = new FrameCutter()
    const length = Buffer.alloc(4)
    length.writeUInt32BE(frameBytesMax)
    expect(cutter.push(length)).toEqual([])
    expect(cutter.push(Buffer.alloc(frameBytesMax))).toHaveLength(1)
    length.writeUInt32BE(frameBytesMax + 1)
    expect(() => cutter.push(length)).toThrow(FrameError)
    expect(() => encodeFrame(Buffer.alloc(frameBytesMax))).toThrow(FrameError)
  })

  it('that hold no single value are refused, and decode nothing wrong afterwards', () => {
    for (const body of [[], [0x92, 1], [1, 2], [0xd9, 0xff, 0x41], [0xdd, 0xff, 0xff, 0xff, 0xff]]) {
      expect(() => decodeBody(Uint8Array.from(body))).toThrow(FrameError)
      expect(decodeBody(encodeFrame({ a: [1, 'b'] }).subarray(4))).toEqual({ a: [1, 'b'] })
    }
    const deep = Buffer.alloc(2 ** 20, 0x91)
    expect(() => decodeBody(deep)).toThrow(FrameError)
  })

  it('of any bytes are decoded or refused, and never anything else', async () => {
    await holds(
      'daemon/frames.test.ts',
      fc.property(fc.uint8Array({ maxLength: 200 }), (body) => {
        try {
          decodeBody(body)
        } catch (error) {
          expect(error).toBeInstanceOf(FrameError)
        }
      }),
      3000,
    )
  })
})

describe('a request', () => {
  it.each([
    ['create', 'a', '0 1 zero', { uuid: 'u', minor: 3, readOnly: true, folder: '/x', durability: 'power-loss' }],
    ['create', 'a'],
    ['load', 'a', '0 1 zero', null],
    ['suspend', 'a', { noFlush: true }],
    ['remove', 'a', { force: false, deferred: true, retry: true }],
    ['removeAll'],
    ['wait', 'a', 7],
    ['message', 'a', 0, 'hello'],
    ['table', 'a', { inactive: true }],
    ['concise'],
    ['createConcise', 'a,,,,0 1 zero', { folder: '/' }],
    ['open', 'a', { readOnly: true }],
    ['read', 1, 0, 512],
    ['write', 1, 0, new Uint8Array(512)],
    ['merge', 'a', { rateLimit: 1.5, latencyTarget: null }],
    ['merge', 'a'],
    ['mergeProgress', 1],
    ['mergeCancel', 'a'],
    ['list'],
  ])('of this form passes: %j', (verb, ...words) => {
    const checked = checkRequest(request(verb, ...words))
    expect(checked.words.slice(0, words.length)).toEqual(words.map((word) => word ?? undefined))
    expect(checked.words.slice(words.length).every((word) => word === undefined)).toBe(true)
  })

  it.each([
    ['no object', 'list'],
    ['a list', [1, 'list', []]],
    ['without a number', { verb: 'list', words: [] }],
    ['with half a number', { id: 0.5, verb: 'list', words: [] }],
    ['with an unknown verb', request('constructor')],
    ['with a verb that is inherited', request('__proto__')],
    ['without words', { id: 1, verb: 'list' }],
    ['with too many words', request('list', 1)],
    ['with a number for a name', request('info', 1)],
    ['with a zero byte in a name', request('info', 'a\0b')],
    ['with an endless name', request('info', 'x'.repeat(5000))],
    ['with an unknown option', request('create', 'a', '', { frob: true })],
    ['with an inherited option', request('create', 'a', '', { hasOwnProperty: 'minor' })],
    ['with an option of another type', request('create', 'a', '', { minor: '3' })],
    ['with a list for options', request('create', 'a', '', [])],
    ['with a relative folder', request('load', 'a', '', { folder: 'x' })],
    ['with a durability there is not', request('load', 'a', '', { durability: 'none' })],
    ['with a negative offset', request('read', 1, -512, 512)],
    ['with an offset that is no number', request('read', 1, Number.NaN, 512)],
    ['with too much to read', request('read', 1, 0, dataBytesMax + 1)],
    ['with text to write', request('write', 1, 0, 'text')],
    ['with too much to write', request('write', 1, 0, new Uint8Array(dataBytesMax + 1))],
    ['with a rate that is none', request('merge', 'a', { rateLimit: 0 })],
    ['with an endless rate', request('merge', 'a', { rateLimit: Number.POSITIVE_INFINITY })],
    ['with a latency in words', request('merge', 'a', { latencyTarget: '2ms' })],
    ['with a merge by name', request('mergeProgress', 'a')],
    ['without what it needs', request('load', 'a')],
  ])('%s is refused', (_, value) => {
    expect(() => checkRequest(value)).toThrow(BadRequest)
  })

  it('of any shape is checked or refused, and never anything else', async () => {
    const verb = fc.constantFrom(
      'create',
      'load',
      'remove',
      'wait',
      'read',
      'write',
      'open',
      'table',
      'list',
      'merge',
      'mergePause',
    )
    await holds(
      'daemon/frames.test.ts',
      fc.property(
        fc.oneof(fc.anything(), fc.record({ id: fc.nat(), verb, words: fc.array(fc.anything()) })),
        (value) => {
          try {
            checkRequest(value)
          } catch (error) {
            expect(error).toBeInstanceOf(BadRequest)
          }
        },
      ),
      2000,
    )
  })
})
