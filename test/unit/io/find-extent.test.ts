import { expect, test } from 'vitest'
import { ExtentFinder } from '../../../src/io/find-extent.js'
import { type Libc, libc, seekData } from '../../../src/io/libc.js'

const gibibyte = 2 ** 30
const enxio = 6
const einval = 22

/** A file whose data lies between `dataStart` and `dataEnd`; asking for a hole takes `askedMs`. */
function fileWith(dataStart: number, dataEnd: number, askedMs: number, failure = enxio) {
  const calls: string[] = []
  const fake: Libc = {
    ...libc(),
    lastErrno: () => failure,
    lseek64: (_fd, offset, whence) => {
      calls.push(`${whence === seekData ? 'data' : 'hole'} ${offset}`)
      if (whence === seekData) return offset >= dataEnd || failure !== enxio ? -1 : Math.max(offset, dataStart)
      const until = performance.now() + askedMs
      while (performance.now() < until);
      return dataEnd
    },
  }
  return { finder: new ExtentFinder(fake, 3), calls }
}

test('what took long to find out is not asked again at once', () => {
  const { calls, finder } = fileWith(0, gibibyte, 20)
  expect(finder.find(4096, 65536)).toBe(65536)
  expect(finder.find(gibibyte - 512, 65536)).toBe(512)
  expect(finder.find(8192, 512)).toBe(512)
  expect(calls).toEqual(['data 4096', 'hole 4096'])
  expect(finder.find(gibibyte, 512)).toBe(-512)
})

test('what is before the stretch, and everything after a hole was made, is asked again', () => {
  const { calls, finder } = fileWith(0, gibibyte, 20)
  finder.find(4096, 512)
  finder.find(0, 512)
  finder.forget()
  finder.find(512, 512)
  expect(calls.filter((call) => call.startsWith('hole'))).toEqual(['hole 4096', 'hole 0', 'hole 512'])
})

test('a sector that is a hole in part is data', () => {
  const { finder } = fileWith(1000, 1100, 0)
  expect(finder.find(0, 4096)).toBe(-512)
  expect(finder.find(512, 4096)).toBe(1024)
  expect(finder.find(1536, 512)).toBe(-512)
})

test('a file system that tells nothing has data only', () => {
  const { finder } = fileWith(0, 0, 0, einval)
  expect(finder.find(0, 4096)).toBe(4096)
})
