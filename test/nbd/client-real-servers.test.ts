/** The client against servers that other people wrote, and ours: bytes, full sockets, errors. */
import { afterEach, describe, expect, it } from 'vitest'
import { pattern } from '../support/nbd/images.js'
import { inThread } from '../support/nbd/queue-thread.js'
import { serve } from '../support/nbd/served.js'
import { type ServerProcess, serverKinds, startServer } from '../support/nbd/server-process.js'
import { hasTool } from '../support/nbd/tools.js'

const mebibyte = 2 ** 20
const size = 128 * mebibyte
let server: ServerProcess | undefined
afterEach(async () => {
  await server?.close()
  server = undefined
})

describe.each(serverKinds)('%s (skipped where it is not installed)', (kind) => {
  const test = it.skipIf(kind !== 'cowring' && !hasTool(kind))
  const start = async (isReadOnly = false): Promise<string> => {
    server = await startServer(kind, size, isReadOnly)
    return server.uri
  }

  test('64 requests of mixed sizes in flight: what is written is read back', async () => {
    const sizes = Array.from({ length: 64 }, (_, slot) => 512 * (1 + ((slot * 37) % 200)))
    sizes[20] = 32 * mebibyte
    sizes[40] = mebibyte + 512
    const outcome = await inThread({ sizes, uri: await start() }, (bench, { sizes, uri }) => {
      const { queue, slots, take } = bench.connect(uri, sizes)
      const starts = sizes.map((_, slot) => sizes.slice(0, slot).reduce((sum, bytes) => sum + bytes, 0))
      const all = (type: 0 | 1) => {
        for (const [slot, bytes] of sizes.entries()) queue.submit(slot, type, starts[slot] as number, bytes)
        return Object.values(take(sizes.length)).filter((error) => error !== 0)
      }
      for (const [slot, bytes] of slots.entries()) bench.fill(bytes, starts[slot] as number)
      const written = all(bench.command.write)
      for (const bytes of slots) bytes.fill(0)
      const read = all(bench.command.read)
      const wrong = slots.map((bytes, slot) => bench.firstWrong(bytes, starts[slot] as number))
      queue.close()
      return { read, wrong: wrong.filter((place) => place >= 0), written }
    })
    expect(outcome).toEqual({ read: [], wrong: [], written: [] })
  })

  test('two thousand requests, each submitted again when it is done, never get each other’s bytes', async () => {
    const outcome = await inThread(await start(), (bench, uri) => {
      const { queue, slots } = bench.connect(uri, Array(32).fill(16_384))
      const blocks = 128
      const isWritten = new Uint8Array(blocks)
      const jobs: { block: number; isWrite: boolean }[] = []
      let [begun, seed, wrong] = [0, 1, 0]
      const busy = new Set<number>()
      const begin = (slot: number): void => {
        if (begun++ >= 2000) return
        let block = 0
        do {
          seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
          block = Math.floor((seed / 2 ** 32) * blocks)
        } while (busy.has(block))
        busy.add(block)
        const isWrite = isWritten[block] === 0 || (seed & 1024) === 0
        jobs[slot] = { block, isWrite }
        const bytes = slots[slot] as Uint8Array
        if (isWrite) bench.fill(bytes, block * 16_384)
        else bytes.fill(0)
        queue.submit(slot, isWrite ? bench.command.write : bench.command.read, block * 16_384, 16_384)
      }
      for (let slot = 0; slot < 32; slot++) begin(slot)
      while (queue.inFlight > 0) {
        const done = queue.wait(15_000)
        if (done === 0) throw new Error('no answer')
        for (const [index, slot] of queue.completed.slice(0, done).entries()) {
          const { block, isWrite } = jobs[slot] as { block: number; isWrite: boolean }
          const isRight = isWrite || bench.firstWrong(slots[slot] as Uint8Array, block * 16_384) < 0
          if (queue.errno[index] !== 0 || !isRight) wrong++
          isWritten[block] = 1
          busy.delete(block)
          begin(slot)
        }
      }
      queue.close()
      return wrong
    })
    expect(outcome).toBe(0)
  })

  test('both sockets full: 64 writes and reads of 1 MiB in flight', async () => {
    const outcome = await inThread(await start(), (bench, uri) => {
      const bytes = 2 ** 20
      const { queue, slots, take } = bench.connect(uri, Array(64).fill(bytes))
      const errors: number[] = []
      // Odd slots write and then read what they have written; even ones the other way round.
      for (let round = 0; round < 2; round++) {
        for (const [slot, buffer] of slots.entries()) {
          const isRead = slot % 2 === round
          if (isRead) buffer.fill(9)
          else bench.fill(buffer, slot * bytes)
          queue.submit(slot, isRead ? bench.command.read : bench.command.write, slot * bytes, bytes)
        }
        errors.push(...Object.values(take(64)))
      }
      queue.close()
      const odd = slots.filter((_, slot) => slot % 2 === 1)
      const wrong = odd.map((buffer, index) => bench.firstWrong(buffer, (2 * index + 1) * bytes))
      return [errors.filter((error) => error !== 0), wrong]
    })
    expect(outcome).toEqual([[], Array(32).fill(-1)])
  })

  test('a flush, and a trim that is longer than any read', async () => {
    const outcome = await inThread(await start(), (bench, uri) => {
      const { queue, take } = bench.connect(uri, [1, 1])
      queue.submit(0, bench.command.flush, 0, 0)
      queue.submit(1, bench.command.trim, 0, 64 * 2 ** 20)
      const errors = take(2)
      const { canFlush, canTrim, exportBytes, isReadOnly } = queue.facts
      queue.close()
      return { canFlush, canTrim, errors, exportBytes, isReadOnly }
    })
    expect(outcome).toEqual({
      canFlush: true,
      canTrim: true,
      errors: { 0: 0, 1: 0 },
      exportBytes: size,
      isReadOnly: false,
    })
  })

  test('errors are answers: a range past the end, a write to what is read-only', async () => {
    const past = await inThread(await start(), (bench, uri) => {
      const { queue, take } = bench.connect(uri, [4096, 4096, 4096])
      queue.submit(0, bench.command.read, queue.facts.exportBytes, 4096)
      queue.submit(1, bench.command.write, queue.facts.exportBytes - 512, 4096)
      queue.submit(2, bench.command.read, 0, 4096)
      const errors = take(3)
      queue.close()
      return errors
    })
    expect(past[0]).toBe(22)
    expect([22, 28]).toContain(past[1])
    expect(past[2]).toBe(0)
    await server?.close()
    const readOnly = await inThread(await start(true), (bench, uri) => {
      const { queue, take } = bench.connect(uri, [4096, 4096])
      queue.submit(0, bench.command.write, 0, 4096)
      queue.submit(1, bench.command.read, 0, 4096)
      const errors = take(2)
      queue.close()
      return { errors, isReadOnly: queue.facts.isReadOnly }
    })
    // qemu's says EINVAL.
    expect(readOnly).toEqual({ errors: { 0: kind === 'qemu-nbd' ? 22 : 1, 1: 0 }, isReadOnly: true })
  })
})

it('TCP by the name of a host; the export of a name, and none of another', async () => {
  const served = await serve({ byteLength: mebibyte, isTcp: true, snapshots: [{ name: 'a snapshot' }] })
  try {
    const uri = served.uri('a snapshot').replace('127.0.0.1', 'localhost')
    const outcome = await inThread(uri, (bench, uri) => {
      const { queue, slots, take } = bench.connect(uri, [65_536])
      queue.submit(0, bench.command.read, 0, 65_536)
      const errors = take(1)
      queue.close()
      return { bytes: slots[0]?.slice(), errors }
    })
    expect(outcome.errors).toEqual({ 0: 0 })
    expect(Buffer.from(outcome.bytes ?? []).equals(pattern(0, 65_536, 1))).toBe(true)
    const other = inThread(served.uri('nothing'), (bench, uri) => void bench.connect(uri, [1]))
    await expect(other).rejects.toMatchObject({ code: 'DEVICE_MISSING' })
    const nowhere = inThread('nbd://no-such-host.invalid/', (bench, uri) => void bench.connect(uri, [1]))
    await expect(nowhere).rejects.toThrow(/the host no-such-host\.invalid cannot be found/)
  } finally {
    await served.close()
  }
})
