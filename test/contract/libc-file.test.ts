import { closeSync, openSync } from 'node:fs'
import { expect, test } from 'vitest'
import { LibcFile } from '../../src/io/libc-file.js'
import { regularFileSubject, sharedArena } from '../support/contract-files.js'
import { blockFileContract } from './block-file-contract.js'

blockFileContract('LibcFile', (byteLength) => regularFileSubject(byteLength, (fd, arena) => new LibcFile(fd, arena)))

test('LibcFile allocates no more per call than the number that carries an address', () => {
  const subject = regularFileSubject(1 << 20, (fd, arena) => new LibcFile(fd, arena))
  const file = subject.another()
  const transfers = 100_000
  const growthOfARound = () => {
    const before = process.memoryUsage().heapUsed
    for (let call = 0; call < transfers; call += 2) {
      file.read(4096, 512, (call & 1023) * 512)
      file.write(4096, 512, (call & 1023) * 512)
    }
    return process.memoryUsage().heapUsed - before
  }
  // An address is no small integer, so V8 boxes it: 16 bytes. A view, an array or an exception would be 50 and more.
  // The rest of the process allocates too, and a collection hides some: of several rounds, the least that grew is meant.
  const rounds = Array.from({ length: 8 }, growthOfARound).filter((growth) => growth >= 0)
  subject.dispose()
  expect(Math.min(...rounds) / transfers).toBeLessThan(24)
})

test('LibcFile moves bytes of an arena that starts inside its buffer', () => {
  const whole = sharedArena(65536)
  const fd = openSync('/dev/zero', 'r')
  whole.fill(0xff)
  const file = new LibcFile(fd, whole.subarray(1000, 3000))
  expect(file.read(500, 100, 0)).toBe(0)
  closeSync(fd)
  expect(whole.indexOf(0)).toBe(1500)
  expect(whole.lastIndexOf(0)).toBe(1599)
})
