import { expect, test } from 'vitest'
import { errno } from '../../src/io/block-file.js'
import { blockFileFrom } from '../../src/io/make-block-file.js'
import { MemoryFile } from '../../src/io/memory-file.js'
import { sharedArena } from '../support/contract-files.js'
import { blockFileContract } from './block-file-contract.js'

for (const throughLibc of [true, false]) {
  blockFileContract(`MemoryFile ${throughLibc ? 'through libc' : 'through views'}`, (byteLength) => {
    // The region lies inside its buffer, so that a wrong base shows.
    const region = new Uint8Array(new SharedArrayBuffer(byteLength + 8192), 4096, byteLength)
    const arena = sharedArena(8 << 20)
    return { arena, another: () => new MemoryFile(region, arena, throughLibc), dispose: () => {} }
  })
}

test('a descriptor of a region inside a larger buffer reaches that region only', () => {
  const bytes = new SharedArrayBuffer(4096)
  const arena = sharedArena(65536)
  const file = blockFileFrom({ kind: 'memory', bytes, byteOffset: 1024, sizeBytes: 1024 }, arena)
  arena.fill(0xee)
  expect(file.sizeBytes()).toBe(1024)
  expect(file.write(0, 1024, 0)).toBe(0)
  expect(file.write(0, 512, 1024)).toBe(errno.ENOSPC)
  const all = new Uint8Array(bytes)
  expect(all.indexOf(0xee)).toBe(1024)
  expect(all.lastIndexOf(0xee)).toBe(2047)
})
