/** QEMU's programs: qemu-img, qemu-io, and its tools' use of the contexts. Skipped by name where they are missing. */
import { readFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { mebibyte, pattern } from '../support/nbd/images.js'
import { type Served, serve } from '../support/nbd/served.js'
import { hasTool, mustRun, runTool } from '../support/nbd/tools.js'

const size = 16 * mebibyte
let served: Served

beforeEach(async () => {
  served = await serve({
    byteLength: size,
    written: [[0, 4 * mebibyte]],
    snapshots: [{ name: 'before', chunkSectors: 8 }],
  })
})
afterEach(() => served.close())

interface MapEntry {
  readonly start: number
  readonly length: number
  readonly depth: number
  readonly zero: boolean
  readonly data: boolean
}

describe.skipIf(!hasTool('qemu-img'))('qemu-img (skipped where it is missing)', () => {
  const img = (...words: string[]): Promise<string> => mustRun('qemu-img', words)

  it('info', async () => {
    const said = JSON.parse(await img('info', '--output=json', served.uri('before')))
    expect(said).toMatchObject({ 'virtual-size': size, format: 'raw' })
  })

  it('converts a snapshot to qcow2 and back, and finds it the same', async () => {
    const [qcow2, raw] = [served.folder.at('copy.qcow2'), served.folder.at('copy.raw')]
    await img('convert', '-f', 'raw', '-O', 'qcow2', served.uri('before'), qcow2)
    await img('compare', '-f', 'raw', '-F', 'qcow2', served.uri('before'), qcow2)
    await served.origin.write(mebibyte, pattern(mebibyte, 4096, 2))
    await img('compare', '-f', 'raw', '-F', 'qcow2', served.uri('before'), qcow2)
    expect((await runTool('qemu-img', ['compare', '-f', 'raw', '-F', 'qcow2', served.uri('disk'), qcow2])).code).toBe(1)
    await img('convert', '-n', '-f', 'qcow2', '-O', 'raw', qcow2, served.uri('disk'))
    await img('convert', '-O', 'raw', '-m', '8', '-W', served.uri('disk'), raw)
    expect(
      readFileSync(raw)
        .subarray(0, 4 * mebibyte)
        .equals(pattern(0, 4 * mebibyte, 1)),
    ).toBe(true)
  })

  it('maps content and holes', async () => {
    const map: MapEntry[] = JSON.parse(await img('map', '--output=json', '-f', 'raw', served.uri('before')))
    expect(map.map(({ data, length, start, zero }) => ({ start, length, data, zero }))).toEqual([
      { start: 0, length: 4 * mebibyte, data: true, zero: false },
      { start: 4 * mebibyte, length: 12 * mebibyte, data: false, zero: true },
    ])
  })

  it('maps what has changed since the snapshot, through its dirty bitmap', async () => {
    await served.origin.write(mebibyte, pattern(mebibyte, 65536, 2))
    const place = `driver=nbd,export=disk,server.type=unix,server.path=${served.folder.at('socket')},x-dirty-bitmap=qemu:dirty-bitmap:before`
    const map: MapEntry[] = JSON.parse(await img('map', '--output=json', '--image-opts', place))
    // QEMU shows what is dirty as what has no data.
    expect(map.filter(({ data }) => !data).map(({ length, start }) => [start, length])).toEqual([[mebibyte, 65536]])
  })

  it('measures and resizes nothing', async () => {
    expect(
      JSON.parse(await img('measure', '--output=json', '-O', 'qcow2', served.uri('before'))).required,
    ).toBeGreaterThan(0)
  })
})

describe.skipIf(!hasTool('qemu-io'))('qemu-io (skipped where it is missing)', () => {
  const io = async (name: string, ...commands: string[]): Promise<string> => {
    const out = await mustRun('qemu-io', ['-f', 'raw', ...commands.flatMap((each) => ['-c', each]), served.uri(name)])
    expect(out).not.toMatch(/failed|error/i)
    return out
  }

  it('patterns, in sectors and not, are read as they were written', async () => {
    await io(
      'disk',
      'write -P 0x11 0 64k',
      'write -P 0x22 1000 3000',
      'write -P 0x33 -f 8M 1M',
      'write -z 9M 64k',
      'write -z -u 10M 64k',
      'discard 11M 1M',
      'flush',
      'read -P 0x11 0 1000',
      'read -P 0x22 1000 3000',
      'read -P 0x11 4000 61536',
      'read -P 0x33 8M 1M',
      'read -P 0 9M 64k',
      'read -P 0 10M 64k',
      'aio_write -P 0x44 2M 1M',
      'aio_write -P 0x55 3M 1M',
      'aio_flush',
      'read -P 0x44 2M 1M',
      'read -P 0x55 3M 1M',
    )
    const client = await served.connect({ name: 'before' })
    expect((await client.read(0, 4 * mebibyte)).equals(pattern(0, 4 * mebibyte, 1))).toBe(true)
  })

  it('writes to a snapshot are its own', async () => {
    await io('before', 'write -P 0x77 1M 1M', 'read -P 0x77 1M 1M')
    const client = await served.connect({ name: 'disk' })
    expect((await client.read(mebibyte, mebibyte)).equals(pattern(mebibyte, mebibyte, 1))).toBe(true)
  })

  it('a read past the end is refused', async () => {
    const { out, err } = await runTool('qemu-io', ['-f', 'raw', '-c', 'read 16M 512', served.uri('disk')])
    expect(out + err).toMatch(/read failed|beyond end/)
  })
})

describe.skipIf(!hasTool('qemu-img') || !hasTool('qemu-nbd'))(
  'a qcow2 overlay on an export (skipped where qemu-img or qemu-io is missing)',
  () => {
    it('has the snapshot below it', async () => {
      const overlay = served.folder.at('overlay.qcow2')
      await mustRun('qemu-img', ['create', '-f', 'qcow2', '-b', served.uri('before'), '-F', 'raw', overlay])
      await served.origin.write(0, pattern(0, 65536, 9))
      await mustRun('qemu-io', ['-c', 'write -P 0x66 1M 64k', '-c', 'read -P 0x66 1M 64k', overlay])
      const raw = served.folder.at('flat')
      await mustRun('qemu-img', ['convert', '-O', 'raw', overlay, raw])
      const flat = readFileSync(raw)
      expect(flat.subarray(0, mebibyte).equals(pattern(0, mebibyte, 1))).toBe(true)
      expect(flat.subarray(mebibyte, mebibyte + 65536).every((byte) => byte === 0x66)).toBe(true)
    })
  },
)
