import { execFileSync, spawnSync } from 'node:child_process'
import { closeSync, constants, openSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { afterAll, describe, expect, test } from 'vitest'
import { blockDeviceBytes, majorOf, minorOf } from '../../../src/io/block-device.js'
import { blockFileFrom } from '../../../src/io/make-block-file.js'
import { type OpenSourceOptions, openSource } from '../../../src/io/open-source.js'
import { sharedArena } from '../../support/contract-files.js'
import { refusal, temporaryFolder } from './temporary-folder.js'

const pathOf = temporaryFolder()
const open = (path: string, options: Partial<OpenSourceOptions> = {}) =>
  openSource(path, { access: 'write', backend: 'libc', role: 'origin', ...options })

const directWorksHere = (() => {
  writeFileSync(pathOf('probe'), '')
  try {
    closeSync(openSync(pathOf('probe'), constants.O_RDWR | constants.O_DIRECT))
    return true
  } catch {
    return false
  }
})()

test.skipIf(!directWorksHere).each(['libc', 'node'] as const)(
  'direct I/O through the %s backend goes by the blocks that opening names',
  (backend) => {
    const path = pathOf(`direct-${backend}`)
    const source = open(path, { backend, direct: true, createBytes: 1 << 20 })
    const blockBytes = source.blockSectors * 512
    expect(Math.log2(source.blockSectors) % 1).toBe(0)
    const arena = sharedArena(65536)
    const file = blockFileFrom(source.descriptor, arena)
    arena.fill(5, 0, blockBytes)
    expect(file.write(0, blockBytes, 3 * blockBytes)).toBe(0)
    expect(file.read(blockBytes, blockBytes, 3 * blockBytes)).toBe(0)
    expect(arena.lastIndexOf(5)).toBe(2 * blockBytes - 1)
    expect(file.barrier()).toBe(0)
    expect(refusal(() => open(path)).facts.holder).toBe('this process')
    source.remove()
    source.close()
  },
)

test('a device number is split as the C library splits it', () => {
  expect([majorOf(0x801n), minorOf(0x801n)]).toEqual([8n, 1n])
  const device = (0x12345000n << 32n) | (0x6789abn << 20n) | (0xabcn << 8n) | 0xefn
  expect([majorOf(device), minorOf(device)]).toEqual([0x12345abcn, 0x6789abefn])
})

describe('a block device', () => {
  const image = pathOf('loop-image')
  const attach = (blockBytes: number) => {
    writeFileSync(image, '')
    truncateSync(image, 4 << 20)
    const answer = spawnSync('losetup', ['--find', '--show', '--sector-size', String(blockBytes), image])
    return answer.status === 0 ? answer.stdout.toString().trim() : undefined
  }
  const loop = attach(4096)
  const noLoop = loop === undefined
  const device = loop ?? ''
  afterAll(() => {
    if (loop !== undefined) execFileSync('losetup', ['--detach', loop])
  })

  test.skipIf(noLoop)('has the size and block size that the kernel says (needs losetup)', () => {
    const source = open(device)
    expect(source).toMatchObject({ path: device, sizeBytes: 4 << 20, blockSectors: 8, created: false })
    expect(source.identity).toMatch(/^device:7:\d+$/)
    expect(source.descriptor).toMatchObject({ kind: 'file', isBlockDevice: true, sizeBytes: 4 << 20 })
    source.close()
  })

  test.skipIf(noLoop).each(['libc', 'node'] as const)(
    'is read and written through the %s backend, and sees itself grow (needs losetup)',
    (backend) => {
      truncateSync(image, 4 << 20)
      execFileSync('losetup', ['--set-capacity', device])
      const source = open(device, { backend })
      const arena = sharedArena(65536)
      const file = blockFileFrom(source.descriptor, arena)
      arena.fill(6, 0, 4096)
      expect(file.write(0, 4096, 8192)).toBe(0)
      expect(file.barrier()).toBe(0)
      expect(readFileSync(image).indexOf(6)).toBe(8192)
      expect(file.read(0, 4096, 4 << 20)).toBe(5) // EIO
      expect(file.write(0, 4096, 4 << 20)).toBe(28) // ENOSPC
      truncateSync(image, 5 << 20)
      execFileSync('losetup', ['--set-capacity', device])
      expect(file.sizeBytes()).toBe(5 << 20)
      source.close()
      expect(file.sizeBytes()).toBe(-1)
    },
  )

  test.skipIf(noLoop)('that is in use is refused: by a second open, and by the kernel (needs losetup)', () => {
    const source = open(device)
    expect(refusal(() => open(device)).facts.holder).toBe('this process')
    source.close()
    const claim = openSync(device, constants.O_RDWR | constants.O_EXCL)
    const error = refusal(() => open(device))
    expect(error.code).toBe('DEVICE_BUSY')
    expect(error.facts).toMatchObject({ path: device, reason: 'EBUSY' })
    open(device, { access: 'read' }).close()
    closeSync(claim)
    open(device).close()
  })

  test('whose number nobody has is not known to sysfs', () => {
    expect(() => blockDeviceBytes(0xfffffn)).toThrow('ENOENT')
  })
})
