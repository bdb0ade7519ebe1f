import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { digestOf } from '../../../src/cli/digest.js'
import { bytes, duration, percent } from '../../../src/cli/figures.js'
import { writeAtRandom } from '../../../src/cli/write-at-random.js'
import { WrittenBlocks } from '../../../src/cli/written-blocks.js'

/** A device in an array, which answers after a moment. */
class ArrayDevice {
  readonly content: Uint8Array
  readonly sizeBytes: number
  inFlight = 0
  inFlightMax = 0

  constructor(sizeBytes: number) {
    this.sizeBytes = sizeBytes
    this.content = new Uint8Array(sizeBytes)
  }

  async write(byteOffset: number, data: Uint8Array): Promise<void> {
    this.inFlight++
    this.inFlightMax = Math.max(this.inFlightMax, this.inFlight)
    await sleep(0)
    this.content.set(data, byteOffset)
    this.inFlight--
  }

  async read(byteOffset: number, into: Uint8Array): Promise<Uint8Array> {
    await sleep(0)
    into.set(this.content.subarray(byteOffset, byteOffset + into.length))
    return into
  }
}

async function written(device: ArrayDevice, writes: number): Promise<WrittenBlocks> {
  const blocks = new WrittenBlocks(device.sizeBytes, 1)
  await writeAtRandom(device, blocks, { depth: 64, isOver: (begun) => begun >= writes })
  return blocks
}

describe('the checks of the demo', () => {
  it('find every block as it was last written, with as many requests in flight as asked for', async () => {
    const device = new ArrayDevice(2 ** 21 + 2 ** 19)
    const blocks = await written(device, 3000)
    await digestOf(device, { onPiece: (byteOffset, piece) => blocks.compare(byteOffset, piece) })
    expect(device.inFlightMax).toBe(64)
    expect(blocks.touched).toBeGreaterThan(500)
    expect(blocks.different).toBe(0)
  })

  it('notice one lost write and one changed byte', async () => {
    const device = new ArrayDevice(2 ** 20)
    const blocks = await written(device, 3000)
    device.content.fill(0, 4096, 8192)
    device.content[9000] = (device.content[9000] ?? 0) ^ 1
    blocks.compare(0, device.content)
    expect(blocks.different).toBe(2)
  })

  it('end with the first error of a write, when no other is in flight any more', async () => {
    const device = new ArrayDevice(2 ** 20)
    let writes = 0
    const failing = {
      write: async (byteOffset: number, data: Uint8Array) => {
        if (++writes === 100) throw new Error('the hundredth')
        await device.write(byteOffset, data)
      },
    }
    const plan = { depth: 64, isOver: () => false }
    await expect(writeAtRandom(failing, new WrittenBlocks(device.sizeBytes, 1), plan)).rejects.toThrow('the hundredth')
    expect(device.inFlight).toBe(0)
  })

  it('take the digest of every byte in order, also of a last piece that is short', async () => {
    for (const sizeBytes of [512, 2 ** 20, 9 * 2 ** 20 + 1024]) {
      const device = new ArrayDevice(sizeBytes)
      for (let at = 0; at < sizeBytes; at += 512) device.content[at] = (at / 512) % 251
      expect(await digestOf(device)).toBe(createHash('sha256').update(device.content).digest('hex'))
    }
  })
})

describe('figures', () => {
  it('have three significant digits and a unit', () => {
    expect([0, 511, 4096, 268435456, 1106247680].map(bytes)).toEqual(['0 B', '511 B', '4 KiB', '256 MiB', '1.03 GiB'])
    expect([0.0000005, 0.00025, 0.0021, 0.25, 2.04, 42].map(duration)).toEqual([
      '0.50 µs',
      '250 µs',
      '2.10 ms',
      '250 ms',
      '2.0 s',
      '42 s',
    ])
  })

  it('say all only of the whole, and nothing only of nothing', () => {
    expect([0, 0.001, 8.46, 41.2, 99.97, 100].map(percent)).toEqual(['0%', '0.1%', '8.5%', '41%', '>99%', '100%'])
  })
})
