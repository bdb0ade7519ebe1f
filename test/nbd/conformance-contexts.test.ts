/** Block status: base:allocation, qemu:allocation-depth and qemu:dirty-bitmap against what was written. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { command, commandFlag, replyType } from '../../src/nbd/protocol.js'
import type { Extent } from '../support/nbd/answers.js'
import type { NbdClient } from '../support/nbd/client.js'
import { mebibyte, pattern } from '../support/nbd/images.js'
import { numbersOf } from '../support/nbd/numbers.js'
import { type Served, serve } from '../support/nbd/served.js'

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31)
const size = 8 * mebibyte
const chunk = 4096
const [allocation, depth] = ['base:allocation', 'qemu:allocation-depth']
let served: Served

beforeEach(async () => {
  served = await serve({ byteLength: size, written: [[0, size / 2]], snapshots: [{ name: 'before', chunkSectors: 8 }] })
})
afterEach(() => served.close())

/** One number for each chunk of the device. */
async function flagsOf(client: NbdClient, context: string, byteLength = size): Promise<number[]> {
  const flags: number[] = []
  for (let at = 0; at < byteLength; ) {
    const extents = await client.status(at, byteLength - at, 0, context)
    expect(extents.length).toBeGreaterThan(0)
    expectMerged(extents)
    for (const extent of extents) {
      expect(extent.length % 512).toBe(0)
      const end = Math.min(at + extent.length, byteLength)
      for (; at < end; at += chunk) flags.push(extent.flags)
      at = end
    }
  }
  return flags
}

function expectMerged(extents: readonly Extent[]): void {
  extents.forEach((extent, index) => {
    if (index > 0) expect(extent.flags).not.toBe(extents[index - 1]?.flags)
  })
}

describe.each(['structured', 'extended'] as const)('with %s replies', (mode) => {
  const connect = (name: string, ...contexts: string[]): Promise<NbdClient> => served.connect({ mode, name, contexts })

  it('allocation: data where there is content, holes of zeroes elsewhere', async () => {
    for (const name of ['disk', 'before']) {
      const client = await connect(name, allocation)
      const flags = await flagsOf(client, allocation)
      expect(flags.slice(0, size / 2 / chunk).every((each) => each === 0)).toBe(true)
      expect(flags.slice(size / 2 / chunk).every((each) => each === 3)).toBe(true)
      await client.disconnect()
    }
  })

  it('allocation follows what is written, and never calls content a hole', async () => {
    const client = await connect('disk', allocation)
    await client.write(6 * mebibyte, pattern(6 * mebibyte, 8192, 2))
    const flags = await flagsOf(client, allocation)
    expect([flags[6 * 256], flags[6 * 256 + 1]]).toEqual([0, 0])
    expect(flags[7 * 256]).toBe(3)
    const snapshot = await connect('before', allocation)
    await snapshot.write(7 * mebibyte, pattern(7 * mebibyte, 4096, 2))
    expect((await flagsOf(snapshot, allocation))[7 * 256]).toBe(0)
    await snapshot.disconnect()
    await client.disconnect()
  })

  it("depth of a snapshot: what is its own, and what is the origin's", async () => {
    const [origin, snapshot] = [await connect('disk'), await connect('before', depth)]
    expect(new Set(await flagsOf(snapshot, depth)).has(1)).toBe(false)
    await origin.write(mebibyte, pattern(mebibyte, 8192, 2))
    await snapshot.write(3 * mebibyte, pattern(3 * mebibyte, 4096, 3))
    const flags = await flagsOf(snapshot, depth)
    flags.forEach((each, index) => {
      const isOwn = index === 256 || index === 257 || index === 768
      if (isOwn) expect([index, each]).toEqual([index, 1])
      else if (index < size / 2 / chunk) expect([index, each]).toEqual([index, 2])
      else expect([0, 2]).toContain(each)
    })
    await origin.disconnect()
    await snapshot.disconnect()
  })

  it(`dirty bitmap: exactly the chunks that were written since, seed ${seed}`, async () => {
    const context = 'qemu:dirty-bitmap:before'
    const origin = await connect('disk', context, allocation, depth)
    expect((await flagsOf(origin, context)).every((each) => each === 0)).toBe(true)
    const numbers = numbersOf(seed)
    const written = new Set<number>()
    for (let round = 0; round < 100; round++) {
      const length = 1 + numbers.below(10_000)
      const offset = numbers.below(size - length)
      await origin.write(offset, Buffer.alloc(length, 9))
      for (let at = Math.floor(offset / chunk); at * chunk < offset + length; at++) written.add(at)
    }
    const flags = await flagsOf(origin, context)
    expect(flags.flatMap((each, index) => (each === 1 ? [index] : []))).toEqual([...written].toSorted((a, b) => a - b))
    // Each context has its own extents of the same request.
    const { extents } = await origin.must({ command: command.blockStatus, offset: 0, length: size })
    expect(extents.size).toBe(3)
    await origin.disconnect()
  })

  it('dirty bitmap between snapshots: what differs is told, whichever is older, and whoever wrote it', async () => {
    await served.snapshot('after', { chunkSectors: 8 })
    const [before, after] = [
      await connect('before', 'qemu:dirty-bitmap:after'),
      await connect('after', 'qemu:dirty-bitmap:before'),
    ]
    await after.write(8 * chunk, pattern(8 * chunk, chunk, 2))
    await before.write(16 * chunk, pattern(16 * chunk, chunk, 3))
    for (const [client, context] of [
      [before, 'qemu:dirty-bitmap:after'],
      [after, 'qemu:dirty-bitmap:before'],
    ] as const) {
      const flags = await flagsOf(client, context)
      expect([flags[8], flags[16], flags[24]]).toEqual([1, 1, 0])
    }
    await before.disconnect()
    await after.disconnect()
  })

  it('dirty bitmap of a snapshot that is invalid or being merged: everything', async () => {
    await served.snapshot('small', { chunkSectors: 8, cowBytes: 8 * chunk })
    const origin = await connect('disk', 'qemu:dirty-bitmap:small', 'qemu:dirty-bitmap:before')
    for (let at = 0; at < 16; at++) await origin.write(at * chunk, pattern(at * chunk, chunk, 4))
    expect(served.origin.snapshots.find(({ name }) => name === 'small')?.status()).toBe('Invalid')
    expect((await flagsOf(origin, 'qemu:dirty-bitmap:small')).every((flag) => flag === 1)).toBe(true)
    const before = served.origin.snapshots.find(({ name }) => name === 'before')
    const merge = before?.merge({ rateLimit: 4096 })
    while (!(await flagsOf(origin, 'qemu:dirty-bitmap:before')).every((flag) => flag === 1))
      await new Promise((resolve) => setTimeout(resolve, 5))
    await merge?.cancel()
    expect((await flagsOf(origin, 'qemu:dirty-bitmap:before')).every((flag) => flag === 1)).toBe(true)
    await origin.disconnect()
  })

  it('REQ_ONE brings one extent, inside what was asked about', async () => {
    const client = await connect('disk', allocation)
    const [whole] = await client.status(0, size, commandFlag.reqOne)
    expect(whole).toEqual({ length: size / 2, flags: 0 })
    expect(await client.status(size / 2, 4096, commandFlag.reqOne)).toEqual([{ length: 4096, flags: 3 }])
    expect(await client.status(size - 512, 512, commandFlag.reqOne)).toEqual([{ length: 512, flags: 3 }])
    await client.disconnect()
  })

  it('extents begin where they were asked for, also amid a sector', async () => {
    const client = await connect('disk', allocation)
    for (const offset of [1, 513, size / 2 - 1, size / 2 + 1, size - 1]) {
      const extents = await client.status(offset, size - offset)
      expect(extents[0]?.flags).toBe(offset < size / 2 ? 0 : 3)
      expect(extents.reduce((sum, { length }) => sum + length, 0)).toBeGreaterThan(0)
    }
    await client.disconnect()
  })

  it('a map of many pieces is answered in parts, and nothing of it is wrong', async () => {
    const origin = await connect('disk', 'qemu:dirty-bitmap:before')
    for (let at = 0; at < size; at += 2 * chunk)
      void origin.submit({ command: command.write, offset: at, payload: Buffer.alloc(512, 1) })
    await origin.flush()
    while (origin.inFlight > 0) await new Promise((resolve) => setTimeout(resolve, 5))
    const flags = await flagsOf(origin, 'qemu:dirty-bitmap:before')
    expect(flags.every((each, index) => each === (index % 2 === 0 ? 1 : 0))).toBe(true)
    await origin.disconnect()
  })
})

it('with extended headers the chunks are of 64 bits', async () => {
  expect(replyType.blockStatusExt).toBe(6)
  const client = await served.connect({ mode: 'extended', contexts: [allocation] })
  const answer = await client.must({ command: command.blockStatus, offset: 0, length: 2 ** 22 })
  expect(answer.statusTypes).toEqual([replyType.blockStatusExt])
  await client.disconnect()
})
