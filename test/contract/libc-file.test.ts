import { closeSync, openSync } from 'node:fs'
import { expect, test } from 'vitest'
import { errno } from '../../src/io/block-file.js'
import { type Libc, libc } from '../../src/io/libc.js'
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

/** The real libc, but the next calls of fallocate fail with `errnos`; which modes it was called with. */
function failingFallocate(errnos: readonly number[]) {
  const real = libc()
  const left = [...errnos]
  const modes: number[] = []
  let failure: number | undefined
  const failing: Libc = {
    ...real,
    fallocate64: (fd, mode, offset, length) => {
      modes.push(mode)
      failure = left.shift()
      return failure === undefined ? real.fallocate64(fd, mode, offset, length) : -1
    },
    lastErrno: () => failure ?? real.lastErrno(),
  }
  return { failing, modes }
}

const { EINTR, EIO, ENOSYS, EOPNOTSUPP } = errno
const punch = 3
const zero = 17

blockFileContract('LibcFile where nothing can be deallocated', (byteLength) =>
  regularFileSubject(byteLength, (fd, arena) => {
    return new LibcFile(fd, arena, failingFallocate(new Array(100).fill(EOPNOTSUPP)).failing)
  }),
)

test.each([
  ['a hole is punched', 'discard', [], { answer: 0, modes: [punch] }],
  ['a hole that is refused is refused', 'discard', [EOPNOTSUPP], { answer: EOPNOTSUPP, modes: [punch] }],
  ['a system without the call refuses', 'discard', [ENOSYS], { answer: EOPNOTSUPP, modes: [punch] }],
  ['an interrupted call is repeated', 'discard', [EINTR], { answer: 0, modes: [punch, punch] }],
  ['an error of a discard is answered', 'discard', [EIO], { answer: EIO, modes: [punch] }],
  ['zeroes are a hole', 'zero', [], { answer: 0, modes: [punch] }],
  ['where there are no holes, zeroes are asked for', 'zero', [EOPNOTSUPP], { answer: 0, modes: [punch, zero] }],
  ['where both are refused, zeroes are written', 'zero', [EOPNOTSUPP, ENOSYS], { answer: 0, modes: [punch, zero] }],
  ['an error of a zeroing is answered', 'zero', [EIO], { answer: EIO, modes: [punch] }],
] as const)('LibcFile: %s', (_, call, errnos, expected) => {
  const { failing, modes } = failingFallocate(errnos)
  const subject = regularFileSubject(8192, (fd, arena) => new LibcFile(fd, arena, failing))
  const answer = subject.another()[call](4096, 512)
  subject.dispose()
  expect({ answer, modes }).toEqual(expected)
})
