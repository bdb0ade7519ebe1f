/** What is written as the value of an option. Where fio is installed, it is asked the same. */
import { spawnSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { describe, expect, it } from 'vitest'
import { parseDistribution } from '../../../src/load/job/distribution.js'
import {
  flag,
  microseconds,
  oneOf,
  perDirection,
  size,
  sizeOrShare,
  sizeRange,
  time,
  ValueError,
  whole,
} from '../../../src/load/job/values.js'
import { jobSpec } from '../../support/load/job-specs.js'
import { hasTool } from '../../support/nbd/tools.js'

const refuses = (parse: (text: string) => unknown, ...texts: string[]): void => {
  for (const text of texts) expect(() => parse(text), `'${text}'`).toThrow(ValueError)
}

describe('a size', () => {
  it('is in bytes, or in powers of 1024', () => {
    const texts = ['512', '4k', '4K', '4kb', '1m', '2g', '1t', '1p', '1.5k', ' 4k ']
    expect(texts.map(size)).toEqual([512, 4096, 4096, 4096, 2 ** 20, 2 ** 31, 2 ** 40, 2 ** 50, 1536, 4096])
    refuses(size, '', 'k', '-1', '4x', '1.3', '1e3', '0x10', '9999999999999999p', '4 k')
  })

  it('is not in KiB, which fio takes for 1000', () => refuses(size, '4KiB', '4kib', '1GiB', '4ki'))

  it('may be a share of the target where fio has it', () => {
    expect(['50%', '100%', '0%', '12.5%', '4k'].map(sizeOrShare)).toEqual([
      { share: 0.5 },
      { share: 1 },
      { share: 0 },
      { share: 0.125 },
      { bytes: 4096 },
    ])
    refuses(sizeOrShare, '101%', '-1%', '%', '50 %')
  })

  it('may be a range, the smaller first', () => {
    expect(sizeRange('1k-4k')).toEqual({ min: 1024, max: 4096 })
    expect(sizeRange('4k')).toEqual({ min: 4096, max: 4096 })
    refuses(sizeRange, '4k-1k', '0-4k', '-', '1k-', '1k-2k-x', '')
  })
})

describe('a time', () => {
  it('is in seconds, or says in what', () => {
    const texts = ['30', '500ms', '250us', '10s', '2m', '1h', '1d', '1.5', '0']
    expect(texts.map((text) => time(text))).toEqual([30, 0.5, 250e-6, 10, 120, 3600, 86_400, 1.5, 0])
    for (const text of ['', '-1', '5 s', '1w', 'ms', '1h30m']) expect(() => time(text), text).toThrow(ValueError)
  })

  it('is in microseconds where fio has it so', () => {
    expect(microseconds('500')).toBeCloseTo(500e-6, 12)
    expect(microseconds('500ms')).toBe(0.5)
    expect(jobSpec({ thinktime: '500' }).thinkSeconds).toBeCloseTo(500e-6, 12)
    expect(jobSpec({ runtime: '2m' }).runtimeSeconds).toBe(120)
  })
})

describe('the rest', () => {
  it('flags stand alone, or are 1 or 0', () => {
    expect(['', '1', 'true', 'TRUE', '0', 'false'].map(flag)).toEqual([true, true, true, true, false, false])
    refuses(flag, '2', 'yes', 'no')
  })

  it('whole numbers keep their limits', () => {
    expect([whole(0, 100)('0'), whole(0, 100)('100')]).toEqual([0, 100])
    refuses(whole(0, 100), '101', '-1', '1.5', '', '1e1', '0x1')
  })

  it('words are one of those there are', () => {
    expect(oneOf(['read', 'write'])(' Read ')).toBe('read')
    refuses(oneOf(['read', 'write']), 'reads', '')
  })

  it('distributions are random, zipf or pareto', () => {
    expect(['random', 'zipf', 'zipf:0.8', 'Zipf:1.2', 'pareto', 'pareto:0.9'].map(parseDistribution)).toEqual([
      { kind: 'uniform' },
      { kind: 'zipf', theta: 1.1 },
      { kind: 'zipf', theta: 0.8 },
      { kind: 'zipf', theta: 1.2 },
      { kind: 'pareto', power: 0.2 },
      { kind: 'pareto', power: 0.9 },
    ])
    refuses(parseDistribution, 'zipf:1', 'zipf:0', 'zipf:', 'zipf:x', 'pareto:0', 'pareto:1', 'normal', 'random:1')
    refuses(parseDistribution, 'zipf:1.2:0.5', 'zoned:50/10:50/90', '')
  })
})

/** As fio prints them: reads, writes, trims. */
const lists = [
  ['4k', [4096, 4096, 4096]],
  ['4k,8k', [4096, 8192, 8192]],
  ['4k,8k,16k', [4096, 8192, 16384]],
  [',8k', [4096, 8192, 8192]],
  ['8k,', [8192, 4096, 4096]],
  ['8k,32k,', [8192, 32768, 4096]],
  [',,64k', [4096, 4096, 65536]],
] as const

describe('a list of up to three', () => {
  it.each(lists)('bs=%s', (text, [read, write, trim]) => {
    const { blockBytes } = jobSpec({ bs: text })
    expect([blockBytes.read.max, blockBytes.write.max, blockBytes.trim.max]).toEqual([read, write, trim])
  })

  it('bsrange=1k-4k,8k-16k', () => {
    const { blockBytes } = jobSpec({ bsrange: '1k-4k,8k-16k' })
    expect(blockBytes.read).toEqual({ min: 1024, max: 4096 })
    expect(blockBytes.write).toEqual({ min: 8192, max: 16384 })
    expect(blockBytes.trim).toEqual({ min: 8192, max: 16384 })
  })

  it('has one value at least, and no fourth', () => refuses(perDirection(size), '', ',', ',,', '1,2,3,4', '1,x'))

  it.skipIf(!hasTool('fio'))('means to fio what it means here', () => {
    const plain = (text: string): number => Number.parseFloat(text) * (text.includes('KiB') ? 1024 : 1)
    for (const [text, values] of lists) {
      const words = ['--name=job', '--ioengine=null', '--size=64k', '--rw=rw', `--bs=${text}`]
      const { stdout } = spawnSync('fio', words, { cwd: tmpdir(), encoding: 'utf8' })
      const told = /bs=\(R\) (\S+)B-\S+, \(W\) (\S+)B-\S+, \(T\) (\S+)B-/.exec(stdout)?.slice(1)
      expect(
        told?.map((each) => plain(`${each}B`)),
        text,
      ).toEqual([...values])
    }
  })
})
