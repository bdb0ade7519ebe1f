/** The client against servers that hang up, lie, drip, stall and refuse. */
import { afterEach, describe, expect, it } from 'vitest'
import { reply } from '../../src/nbd/protocol.js'
import { inThread } from '../support/nbd/queue-thread.js'
import {
  answer,
  bytesOf,
  greet,
  letIn,
  optionReply,
  type ScriptedServer,
  scriptedServer,
  takeRequest,
} from '../support/nbd/scripted-server.js'

let server: ScriptedServer | undefined
afterEach(() => server?.close())

async function serverOf(...[serve]: Parameters<typeof scriptedServer>): Promise<string> {
  server = await scriptedServer(serve)
  return server.uri
}

const refusalOf = async (uri: string): Promise<string> => {
  const outcome = inThread(uri, (bench, uri) => void bench.connect(uri, [4096], 300))
  return outcome.then(
    () => 'let in',
    (error) => `${error.code}: ${error.message}`,
  )
}

/** Two reads in flight, and how each of two waits ends. */
const twoReads = (uri: string) =>
  inThread(uri, (bench, uri) => {
    const { queue, take } = bench.connect(uri, [4096, 4096])
    queue.submit(0, bench.command.read, 0, 4096)
    queue.submit(1, bench.command.read, 4096, 4096)
    return [1, 2].map(() => {
      try {
        take(2)
        return 'answered'
      } catch (error) {
        return `${(error as { code?: string }).code}: ${(error as Error).message}`
      }
    })
  })

describe('in the handshake', () => {
  it('a server that is not there', async () => {
    expect(await refusalOf('nbd+unix:///?socket=/nowhere/at/all')).toMatch(/^DEVICE_MISSING: no NBD server listens on/)
    expect(await refusalOf('nbd://127.0.0.1:1/')).toMatch(/^DEVICE_MISSING: no NBD server listens on 127\.0\.0\.1:1 /)
  })

  it('one that is no NBD server, one of another age, one that hangs up', async () => {
    const http = await serverOf(async (socket) => void socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'))
    expect(await refusalOf(http)).toMatch(/^IO_ERROR: .*did not begin as an NBD server/)
    server?.close()
    const old = bytesOf([64, 0x4e42_444d_4147_4943n], [64, 0x0000_4202_8186_1253n], [64, 512], Buffer.alloc(128))
    expect(await refusalOf(await serverOf(async (socket) => void socket.write(old)))).toMatch(
      /^NOT_SUPPORTED: .*oldstyle/,
    )
    server?.close()
    expect(await refusalOf(await serverOf(async (socket) => void socket.end()))).toMatch(/^IO_ERROR: .*hung up/)
  })

  it('one that says nothing is given up when its time is over', async () => {
    expect(await refusalOf(await serverOf(async () => {}))).toMatch(/^IO_ERROR: .*handshake in 0\.3 s/)
  })

  it.each([
    [reply.errUnknown, /^DEVICE_MISSING: .*no export 'some'.*it says: because/],
    [reply.errTlsReqd, /^NOT_SUPPORTED: .*wants TLS/],
    [reply.errUnsup, /^NOT_SUPPORTED: .*option GO/],
    [reply.errPolicy, /^IO_ERROR: .*refused the export, with error 2 \(it says: because/],
  ])('a refusal of type %i', async (type, wanted) => {
    const uri = await serverOf(async (socket, read) => {
      await greet(socket, read)
      socket.write(optionReply(type, Buffer.from('because')))
    })
    expect(await refusalOf(uri)).toMatch(wanted)
  })

  it('one that lets in without a size, and one that answers with garbage', async () => {
    const sizeless = await serverOf(async (socket, read) => {
      await greet(socket, read)
      socket.write(optionReply(reply.ack))
    })
    expect(await refusalOf(sizeless)).toMatch(/^IO_ERROR: .*without saying how large/)
    server?.close()
    const garbage = await serverOf(async (socket, read) => {
      await greet(socket, read)
      socket.write(Buffer.alloc(64, 9))
    })
    expect(await refusalOf(garbage)).toMatch(/^IO_ERROR: .*without the magic/)
  })
})

describe('with requests in flight', () => {
  it('hanging up is one error, and stays it', async () => {
    const uri = await serverOf(async (socket, read) => {
      await letIn(socket, read)
      await takeRequest(read)
      await takeRequest(read)
      socket.end()
    })
    const [first, second] = await twoReads(uri)
    expect(first).toMatch(/^IO_ERROR: .*closed the connection with 2 requests in flight/)
    expect(second).toBe(first)
  })

  it.each([
    ['garbage', () => Buffer.alloc(16, 7), /without the magic/],
    ['an unknown slot', () => answer(bytesOf([32, 1], [32, 99])), /not in flight/],
    ['a request of an earlier time', () => answer(bytesOf([32, 0], [32, 1])), /not in flight/],
    [
      'the same request twice',
      (cookie: Buffer) => Buffer.concat([answer(cookie, 5), answer(cookie, 5)]),
      /not in flight/,
    ],
  ])('%s is one error', async (_what, wrong, wanted) => {
    const uri = await serverOf(async (socket, read) => {
      await letIn(socket, read)
      socket.write(wrong((await takeRequest(read)).cookie))
    })
    const [first] = await twoReads(uri)
    expect(first).toMatch(/^IO_ERROR: /)
    expect(first).toMatch(wanted)
  })

  it('an answer to a write that is not sent to its end is an error', async () => {
    const uri = await serverOf(async (socket, read) => {
      await letIn(socket, read)
      const header = await read(28)
      // The rest of it fits no socket while nobody reads.
      socket.pause()
      socket.write(answer(header.subarray(8, 16).fill(63, 7)))
    })
    const outcome = inThread(uri, (bench, uri) => {
      const { queue, take } = bench.connect(uri, Array(64).fill(65_536))
      for (let slot = 0; slot < 64; slot++) queue.submit(slot, bench.command.write, 0, 65_536)
      take(1)
    })
    await expect(outcome).rejects.toThrow(/not in flight/)
  })

  it('answers may come in any order, byte by byte', async () => {
    const uri = await serverOf(async (socket, read) => {
      await letIn(socket, read)
      const seen = [await takeRequest(read), await takeRequest(read), await takeRequest(read), await takeRequest(read)]
      socket.setNoDelay()
      const answers = seen.reverse().map(({ cookie, length, offset, type }) => {
        if (type !== 0) return answer(cookie, type === 3 ? 5 : 0)
        return answer(cookie, 0, Buffer.alloc(length, offset / 512))
      })
      for (const byte of Buffer.concat(answers)) {
        socket.write(Buffer.of(byte))
        await new Promise((resolve) => setImmediate(resolve))
      }
    })
    const outcome = await inThread(uri, (bench, uri) => {
      const { queue, slots, take } = bench.connect(uri, [512, 256, 1, 1])
      queue.submit(0, bench.command.read, 512, 512)
      queue.submit(1, bench.command.read, 1024, 256)
      queue.submit(2, bench.command.flush, 0, 0)
      queue.submit(3, bench.command.trim, 0, 65_536)
      const errors = take(4)
      return [errors, slots.map((bytes) => [Math.min(...bytes), Math.max(...bytes)])]
    })
    expect(outcome).toEqual([
      { 0: 0, 1: 0, 2: 5, 3: 0 },
      [
        [1, 1],
        [2, 2],
        [0, 0],
        [0, 0],
      ],
    ]) // prettier-ignore
  })

  it('an error to a read has no bytes, and the answer after it is found', async () => {
    const uri = await serverOf(async (socket, read) => {
      await letIn(socket, read)
      const [first, second] = [await takeRequest(read), await takeRequest(read)]
      socket.write(Buffer.concat([answer(first.cookie, 22), answer(second.cookie, 0, Buffer.alloc(4096, 6))]))
    })
    const outcome = await inThread(uri, (bench, uri) => {
      const { queue, slots, take } = bench.connect(uri, [4096, 4096])
      queue.submit(0, bench.command.read, 0, 4096)
      queue.submit(1, bench.command.read, 0, 4096)
      return [take(2), slots.map((bytes) => bytes[4095])]
    })
    expect(outcome).toEqual([{ 0: 22, 1: 0 }, [0, 6]])
  })

  it('a wait is over when its time is, and what comes later is found by the next', async () => {
    const uri = await serverOf(async (socket, read) => {
      await letIn(socket, read)
      const { cookie } = await takeRequest(read)
      await new Promise((resolve) => setTimeout(resolve, 300))
      socket.write(answer(cookie))
    })
    const outcome = await inThread(uri, (bench, uri) => {
      const { queue, take } = bench.connect(uri, [512])
      const timed = (timeoutMs: number) => {
        const startMs = performance.now()
        const done = queue.wait(timeoutMs)
        return { done, tookMs: performance.now() - startMs }
      }
      const nothing = timed(10)
      queue.submit(0, bench.command.write, 0, 512)
      return { atOnce: timed(0), brief: timed(30.5), later: take(1), nothing }
    })
    expect(outcome.nothing.tookMs).toBeGreaterThanOrEqual(10)
    expect(outcome.atOnce.done).toBe(0)
    expect(outcome.atOnce.tookMs).toBeLessThan(25)
    expect(outcome.brief.done).toBe(0)
    expect(outcome.brief.tookMs).toBeGreaterThanOrEqual(30.5)
    expect(outcome.brief.tookMs).toBeLessThan(250)
    expect(outcome.later).toEqual({ 0: 0 })
  })

  it('a request longer than the server takes is refused, and the connection goes on', async () => {
    const uri = await serverOf(async (socket, read) => {
      await letIn(socket, read)
      socket.write(answer((await takeRequest(read)).cookie))
    })
    const outcome = await inThread(uri, (bench, uri) => {
      const { queue, take } = bench.connect(uri, [131_072])
      let refusal = ''
      try {
        queue.submit(0, bench.command.write, 0, 65_537)
      } catch (error) {
        refusal = `${(error as { code?: string }).code}: ${(error as Error).message}`
      }
      queue.submit(0, bench.command.write, 0, 65_536)
      return { errors: take(1), facts: queue.facts, refusal }
    })
    expect(outcome.refusal).toMatch(/^INVALID_ARGUMENT: .*65537 bytes.*at most 65536/)
    expect(outcome.errors).toEqual({ 0: 0 })
    expect(outcome.facts).toEqual({
      exportBytes: 2 ** 20,
      isReadOnly: false,
      canFlush: true,
      canFua: false,
      canTrim: true,
      canMultiConn: false,
      minimumBytes: 1,
      preferredBytes: 4096,
      maximumBytes: 65_536,
    })
  })

  it('goodbye is said', async () => {
    let lastType = -1
    let isOver = (): void => {}
    const over = new Promise<void>((resolve) => {
      isOver = resolve
    })
    const uri = await serverOf(async (socket, read) => {
      await letIn(socket, read)
      lastType = (await takeRequest(read)).type
      isOver()
    })
    await inThread(uri, (bench, uri) => bench.connect(uri, [1]).queue.close())
    await over
    expect(lastType).toBe(2)
  })
})
