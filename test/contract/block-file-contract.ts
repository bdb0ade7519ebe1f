/**
 * What every BlockFile must do, whatever it stands on. Each implementation, and each fake, runs this suite.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { AssertionFailure } from '../../src/base/assert.js'
import { type BlockFile, errno } from '../../src/io/block-file.js'

export interface ContractSubject {
  /** One more BlockFile of the same open file, on the same arena. */
  another(): BlockFile
  /** At least 8 MiB of shared memory. */
  readonly arena: Uint8Array
  /** What the file occupies, in bytes; absent where that cannot shrink. */
  occupiedBytes?(): number
  /** Whether it knows holes from data; so it is unless this is false. */
  readonly tellsHoles?: boolean
  /** Changes the size of the file behind the implementation's back; absent where sizes are fixed. */
  resize?(byteLength: number): void
  /** Closes what the implementation stands on; absent where nothing can be closed. */
  close?(): void
  dispose(): void
}

const mebibyte = 1 << 20
const ebadf = 9

/** `make` gives a file of `byteLength` zeroes. */
export function blockFileContract(name: string, make: (byteLength: number) => ContractSubject): void {
  describe(`${name} keeps the BlockFile contract`, () => {
    const sizeBytes = 5 * mebibyte + 512
    let subject: ContractSubject
    let file: BlockFile

    beforeEach(() => {
      subject = make(sizeBytes)
      file = subject.another()
    })
    afterEach(() => subject.dispose())

    /** No two sectors are alike, so that bytes of the right sector elsewhere show. */
    const fill = (offset: number, length: number, seed: number) => {
      for (let index = 0; index < length; index++) {
        subject.arena[offset + index] = (index * 31 + (index >>> 8) * 17 + (index >>> 16) * 7 + seed) & 0xff
      }
    }
    const bytes = (offset: number, length: number) => Buffer.from(subject.arena.slice(offset, offset + length))

    test.each([
      [0, 512],
      [512, 512],
      [3 * 512, 7 * 512],
      [4096, 4096],
      [sizeBytes - 512, 512],
      [sizeBytes - 9 * 512, 9 * 512],
    ])('what is written at %i, %i bytes long, is read back', (fileOffset, byteLength) => {
      fill(1024, byteLength, 7)
      expect(file.write(1024, byteLength, fileOffset)).toBe(0)
      expect(file.read(mebibyte, byteLength, fileOffset)).toBe(0)
      expect(bytes(mebibyte, byteLength).equals(bytes(1024, byteLength))).toBe(true)
    })

    test('a write touches its own bytes of the file only, and a read its own bytes of the arena only', () => {
      subject.arena.fill(0xaa, 0, 8192)
      expect(file.write(512, 1024, 2048)).toBe(0)
      subject.arena.fill(0x55, 0, 8192)
      expect(file.read(1024, 4096, 512)).toBe(0)
      expect(bytes(0, 1024).every((byte) => byte === 0x55)).toBe(true)
      expect(bytes(1024, 1536).every((byte) => byte === 0)).toBe(true)
      expect(bytes(2560, 1024).every((byte) => byte === 0xaa)).toBe(true)
      expect(bytes(3584, 1536).every((byte) => byte === 0)).toBe(true)
      expect(bytes(5120, 3072).every((byte) => byte === 0x55)).toBe(true)
    })

    test('a transfer of nothing succeeds anywhere, past the end too', () => {
      expect(file.read(0, 0, 0)).toBe(0)
      expect(file.write(0, 0, 0)).toBe(0)
      expect(file.read(subject.arena.byteLength, 0, 2 * sizeBytes)).toBe(0)
      expect(file.write(subject.arena.byteLength, 0, 2 * sizeBytes)).toBe(0)
      expect(file.sizeBytes()).toBe(sizeBytes)
    })

    test('4 MiB move in one call', () => {
      const length = 4 * mebibyte
      fill(0, length, 3)
      expect(file.write(0, length, mebibyte)).toBe(0)
      expect(file.read(length, length, mebibyte)).toBe(0)
      expect(bytes(length, length).equals(bytes(0, length))).toBe(true)
    })

    test('a read past the end answers EIO, and so does one that only ends there', () => {
      expect(file.read(0, 512, sizeBytes)).toBe(errno.EIO)
      expect(file.read(0, 512, sizeBytes + mebibyte)).toBe(errno.EIO)
      expect(file.read(0, 1024, sizeBytes - 512)).toBe(errno.EIO)
    })

    test('a read that fails half-way leaves the arena outside its range alone', () => {
      subject.arena.fill(0x55, 0, 4096)
      expect(file.read(1024, 1024, sizeBytes - 512)).toBe(errno.EIO)
      expect(bytes(0, 1024).every((byte) => byte === 0x55)).toBe(true)
      expect(bytes(2048, 2048).every((byte) => byte === 0x55)).toBe(true)
    })

    test('a write past the end, or one that only ends there, answers ENOSPC and leaves the size as it is', () => {
      fill(0, 1024, 9)
      expect(file.write(0, 512, sizeBytes + 512)).toBe(errno.ENOSPC)
      expect(file.write(0, 512, sizeBytes)).toBe(errno.ENOSPC)
      expect(file.write(0, 1024, sizeBytes - 512)).toBe(errno.ENOSPC)
      expect(file.sizeBytes()).toBe(sizeBytes)
      expect(file.write(0, 512, sizeBytes - 512)).toBe(0)
    })

    test('several BlockFiles of one open file see the same bytes', () => {
      const other = subject.another()
      fill(0, 4096, 1)
      expect(file.write(0, 4096, 512)).toBe(0)
      expect(other.read(8192, 4096, 512)).toBe(0)
      expect(bytes(8192, 4096).equals(bytes(0, 4096))).toBe(true)
      fill(0, 512, 2)
      expect(other.write(0, 512, 1024)).toBe(0)
      expect(file.read(8192, 512, 1024)).toBe(0)
      expect(bytes(8192, 512).equals(bytes(0, 512))).toBe(true)
    })

    test('a barrier succeeds, with and without writes before it', () => {
      expect(file.barrier()).toBe(0)
      expect(file.write(0, 4096, 0)).toBe(0)
      expect(file.barrier()).toBe(0)
    })

    describe.each(['zero', 'discard'] as const)('%s', (call) => {
      const filled = (length: number) => {
        subject.arena.fill(0xee, 0, length)
        expect(file.write(0, length, 0)).toBe(0)
      }
      const content = (offset: number, length: number) => {
        subject.arena.fill(0x55, 0, length)
        expect(file.read(0, length, offset)).toBe(0)
        return bytes(0, length)
      }
      /** False where the system cannot discard; then nothing has changed. */
      const carriedOut = (byteLength: number, fileOffset: number) => {
        const answer = file[call](byteLength, fileOffset)
        expect(call === 'zero' ? [0] : [0, errno.EOPNOTSUPP]).toContain(answer)
        return answer === 0
      }

      test.each([
        [0, 512],
        [512, 512],
        [3 * 512, 7 * 512],
        [4096, 4096],
        [1024, 2 * mebibyte],
        [sizeBytes - 9 * 512, 9 * 512],
      ])('the range at %i, %i bytes long, reads as zeroes, and nothing else changes', (fileOffset, byteLength) => {
        filled(sizeBytes)
        const expected = Buffer.alloc(sizeBytes, 0xee)
        if (carriedOut(byteLength, fileOffset)) expected.fill(0, fileOffset, fileOffset + byteLength)
        expect(content(0, sizeBytes).equals(expected)).toBe(true)
        expect(file.sizeBytes()).toBe(sizeBytes)
      })

      test('other BlockFiles of the file see it, and can write there again', () => {
        filled(8192)
        if (!carriedOut(4096, 0)) return
        const other = subject.another()
        expect(other.read(0, 512, 512)).toBe(0)
        expect(bytes(0, 512).equals(Buffer.alloc(512))).toBe(true)
        subject.arena.fill(0x77, 0, 512)
        expect(other.write(0, 512, 512)).toBe(0)
        expect(content(512, 512).equals(Buffer.alloc(512, 0x77))).toBe(true)
        expect(file.barrier()).toBe(0)
      })

      test('a range past the end, or one that only ends there, answers ENOSPC and changes nothing', () => {
        filled(sizeBytes)
        expect(file[call](512, sizeBytes)).toBe(errno.ENOSPC)
        expect(file[call](1024, sizeBytes - 512)).toBe(errno.ENOSPC)
        expect(file[call](512, sizeBytes + 512 * mebibyte)).toBe(errno.ENOSPC)
        expect(file.sizeBytes()).toBe(sizeBytes)
        expect(content(sizeBytes - 512, 512).equals(Buffer.alloc(512, 0xee))).toBe(true)
      })

      test('nothing is zeroed anywhere with success, past the end too', () => {
        expect(file[call](0, 0)).toBe(0)
        expect(file[call](0, 2 * 512 * mebibyte)).toBe(0)
        expect(file.sizeBytes()).toBe(sizeBytes)
      })

      test('parts of sectors and negative ranges are assertions', () => {
        for (const [byteLength, fileOffset] of [
          [511, 0],
          [512, 1],
          [-512, 512],
          [512, -512],
          [Number.NaN, 0],
          [512, Number.POSITIVE_INFINITY],
        ] as const) {
          expect(() => file[call](byteLength, fileOffset)).toThrow(AssertionFailure)
        }
      })

      test('after a close it answers EBADF', ({ skip }) => {
        if (subject.close === undefined) return skip('it cannot be closed')
        subject.close()
        expect(file[call](512, 0)).toBe(ebadf)
      })
    })

    test('a discard gives space back to the file system', ({ skip }) => {
      if (subject.occupiedBytes === undefined) return skip('what it occupies is fixed')
      subject.arena.fill(0xee, 0, 4 * mebibyte)
      expect(file.write(0, 4 * mebibyte, 0)).toBe(0)
      expect(file.barrier()).toBe(0)
      const before = subject.occupiedBytes()
      if (file.discard(3 * mebibyte, mebibyte) === errno.EOPNOTSUPP) return skip('its file system punches no holes')
      expect(subject.occupiedBytes()).toBeLessThanOrEqual(before - 3 * mebibyte)
    })

    describe('extent', () => {
      /** Every stretch of a range, as the file tells them. */
      const extents = (fileOffset: number, byteLength: number) => {
        const found: number[] = []
        for (let at = fileOffset; at < fileOffset + byteLength; at += Math.abs(found.at(-1) as number)) {
          found.push(file.extent(at, fileOffset + byteLength - at))
          expect(Math.abs(found.at(-1) as number)).toBeGreaterThan(0)
        }
        return found
      }

      test('the stretches of a range are whole sectors and cover it, and holes read as zeroes', () => {
        subject.arena.fill(0xee, 0, 512)
        for (const fileOffset of [0, mebibyte + 512, 4 * mebibyte, sizeBytes - 512]) {
          expect(file.write(0, 512, fileOffset)).toBe(0)
        }
        let at = 0
        for (const found of extents(0, sizeBytes)) {
          expect(Math.abs(found) % 512).toBe(0)
          if (found < 0) {
            expect(file.read(0, -found, at)).toBe(0)
            expect(bytes(0, -found).every((byte) => byte === 0)).toBe(true)
          }
          at += Math.abs(found)
        }
        expect(at).toBe(sizeBytes)
      })

      test('what has been written is data', () => {
        subject.arena.fill(0xee, 0, 8192)
        expect(file.write(0, 8192, mebibyte)).toBe(0)
        expect(extents(mebibyte, 8192).every((found) => found > 0)).toBe(true)
        expect(extents(sizeBytes - 512, 512)).toHaveLength(1)
      })

      test('nothing goes on for nothing', () => {
        expect(file.extent(0, 0)).toBe(0)
        expect(file.extent(sizeBytes - 512, 0)).toBe(0)
      })

      test('a discarded stretch that has given up its space is a hole', ({ skip }) => {
        if (subject.occupiedBytes === undefined) return skip('what it occupies is fixed')
        subject.arena.fill(0xee, 0, 4 * mebibyte)
        expect(file.write(0, 4 * mebibyte, 0)).toBe(0)
        const before = subject.occupiedBytes()
        if (file.discard(2 * mebibyte, mebibyte) === errno.EOPNOTSUPP) return skip('its file system punches no holes')
        if (subject.occupiedBytes() === before) return skip('its space is not given back at once')
        const { tellsHoles = true } = subject
        const holes = extents(0, 4 * mebibyte).filter((found) => found < 0)
        expect(holes).toEqual(tellsHoles ? [-2 * mebibyte] : [])
      })

      test('after a close everything is data', ({ skip }) => {
        if (subject.close === undefined) return skip('it cannot be closed')
        subject.close()
        expect(file.extent(512, 4096)).toBe(4096)
      })
    })

    test('a transfer outside the arena or at a negative offset is an assertion, not a transfer', () => {
      const end = subject.arena.byteLength
      for (const [arenaOffset, byteLength, fileOffset] of [
        [end - 511, 512, 0],
        [-512, 512, 0],
        [0, -512, 0],
        [0, 512, -1],
        [0, 512, 0.5],
        [Number.NaN, 512, 0],
        [0.5, 512, 0],
        [0, 512.5, 0],
      ] as const) {
        expect(() => file.read(arenaOffset, byteLength, fileOffset)).toThrow(AssertionFailure)
        expect(() => file.write(arenaOffset, byteLength, fileOffset)).toThrow(AssertionFailure)
      }
    })

    test('the size follows growing and shrinking by others', ({ skip }) => {
      if (subject.resize === undefined) return skip('its size is fixed')
      subject.resize(sizeBytes + mebibyte)
      expect(file.sizeBytes()).toBe(sizeBytes + mebibyte)
      expect(file.read(0, 512, sizeBytes)).toBe(0)
      subject.resize(512)
      expect(file.sizeBytes()).toBe(512)
      expect(file.read(0, 512, 512)).toBe(errno.EIO)
    })

    test('after a close every call answers EBADF, and none throws', ({ skip }) => {
      if (subject.close === undefined) return skip('it cannot be closed')
      subject.close()
      expect(file.read(0, 512, 0)).toBe(ebadf)
      expect(file.write(0, 512, 0)).toBe(ebadf)
      expect(file.barrier()).toBe(ebadf)
      expect(file.sizeBytes()).toBe(-1)
    })
  })
}
