/** From a job file to jobs: fio's sections, comments and keys, and what does not go together. */
import { describe, expect, it } from 'vitest'
import { parseJobFile } from '../../../src/load/job/job-file.js'
import { jobOptionNames } from '../../../src/load/job/job-options.js'
import type { JobSpec } from '../../../src/load/job/job-spec.js'
import { resolveJob } from '../../../src/load/job/resolve-job.js'
import { jobSpec } from '../../support/load/job-specs.js'

const written = (...lines: string[]) =>
  parseJobFile(lines.join('\n'), 'load.fio').map(({ name, options }) => ({
    name,
    ...Object.fromEntries([...options].map(([key, { text }]) => [key, text])),
  }))

describe('a job file', () => {
  it('has sections, and what is global holds for the jobs below it', () => {
    expect(
      written('[global]', 'bs=4k', 'rw=read', '[one]', 'rw=write', '[global]', 'bs=8k', '[two]', 'size=1m', '[three]'),
    ).toEqual([
      { name: 'one', bs: '4k', rw: 'write' },
      { name: 'two', bs: '8k', rw: 'read', size: '1m' },
      { name: 'three', bs: '8k', rw: 'read' },
    ])
  })

  it('has comments, empty lines, spaces, and lines that end as on Windows', () => {
    const text = '; first\r\n# second\r\n\r\n  [job]  \r\n  bs = 4k  \r\n rw=read ; third\r\ntime_based # fourth\r\n'
    expect(written(text)).toEqual([{ name: 'job', bs: '4k', rw: 'read', time_based: '' }])
    expect(written('[job]', 'filename=/disks/a;b#1')).toEqual([{ name: 'job', target: '/disks/a;b#1' }])
  })

  it("takes fio's other names, and the last of two values", () => {
    expect(written('[job]', 'readwrite=read', 'blocksize=4k', 'rw=write', 'wait_for_previous', 'filename=x')).toEqual([
      { name: 'job', rw: 'write', bs: '4k', stonewall: '', target: 'x' },
    ])
  })

  it('may name jobs in any way', () => {
    const names = ['a b', '<b>"\'&', 'über/größe', 'job[1]', '__proto__']
    expect(written(...names.map((name) => `[${name}]`)).map(({ name }) => name)).toEqual(names)
  })

  it('keeps an = in a value', () => {
    expect(written('[job]', 'target=cowring:disk,size=1m')[0]).toEqual({
      name: 'job',
      target: 'cowring:disk,size=1m',
    })
  })

  it('is refused with the line and what would be right', () => {
    expect(() => written('[job]', '', 'iodpeth=4')).toThrow(
      `load.fio:3: unknown option 'iodpeth'; known are ${jobOptionNames.join(', ')}`,
    )
    expect(() => written('bs=4k', '[job]')).toThrow("load.fio:1: 'bs=4k' stands before any [job]")
    expect(() => written('[global]', 'bs=4k')).toThrow('load.fio has no job')
    expect(() => written('')).toThrow('load.fio has no job')
    for (const key of ['constructor', '__proto__', 'toString']) {
      expect(() => written('[job]', `${key}=1`)).toThrow(`unknown option '${key}'`)
    }
    const [job] = parseJobFile('[job]\ntarget=x\n\nbs=huge', 'load.fio')
    expect(() => resolveJob(job as never)).toThrow(
      "load.fio:4: bs cannot be 'huge'; it must be a size such as 512, 4k, 1m or 2g",
    )
  })
})

describe('a job', () => {
  it("has fio's defaults", () => {
    expect(jobSpec({})).toEqual({
      name: 'job',
      given: { target: 'file:disk' },
      target: 'file:disk',
      isRandom: false,
      readShare: 1,
      trims: false,
      blockBytes: { read: { min: 4096, max: 4096 }, write: { min: 4096, max: 4096 }, trim: { min: 4096, max: 4096 } },
      offset: { bytes: 0 },
      size: undefined,
      depth: 1,
      clones: 1,
      runtimeSeconds: undefined,
      isTimeBased: false,
      rampSeconds: 0,
      bytesPerSecond: undefined,
      requestsPerSecond: undefined,
      isOpenLoop: false,
      arrivals: 'linear',
      distribution: { kind: 'uniform' },
      mayRepeat: false,
      seed: 1,
      isVerified: false,
      writesPerFlush: 0,
      thinkSeconds: 0,
      requestsPerThink: 1,
      waitsForOthers: false,
      isGrouped: false,
      isDirect: false,
    } satisfies JobSpec)
  })

  it.each([
    ['read', {}, 1, false, false],
    ['write', {}, 0, false, false],
    ['trim', {}, 0, true, false],
    ['randread', {}, 1, false, true],
    ['randwrite', {}, 0, false, true],
    ['randtrim', {}, 0, true, true],
    ['rw', {}, 0.5, false, false],
    ['readwrite', { rwmixread: '70' }, 0.7, false, false],
    ['randrw', { rwmixread: '0' }, 0, false, true],
    ['randwrite', { rwmixread: '70' }, 0, false, true],
  ] as const)('rw=%s %o', (rw, mix, readShare, trims, isRandom) => {
    expect(jobSpec({ rw, ...mix })).toMatchObject({ readShare, trims, isRandom })
  })

  it('is verified by any of the checksums, and by none of the others', () => {
    for (const verify of ['sectors', 'md5', 'crc32c', 'meta']) expect(jobSpec({ verify }).isVerified).toBe(true)
    for (const verify of ['0', 'none', 'null']) expect(jobSpec({ verify }).isVerified).toBe(false)
  })

  it('takes a rate of 0 for none, and no rate for another direction than its own', () => {
    expect(jobSpec({ rw: 'read', rate_iops: '0' }).requestsPerSecond).toEqual({ read: 0, write: 0, trim: 0 })
    expect(jobSpec({ rw: 'read', rate: ',1m' }).bytesPerSecond).toEqual({ read: 0, write: 2 ** 20, trim: 2 ** 20 })
  })

  it.each([
    [{ time_based: '' }, 'is time_based without a runtime'],
    [{ time_based: '', runtime: '0' }, 'is time_based without a runtime'],
    [{ rate: '1m', rate_iops: '10' }, 'has rate and rate_iops; give one of them'],
    [{ open_loop: '' }, 'is open_loop without a rate'],
    [{ open_loop: '', rate_iops: '0' }, 'is open_loop without a rate'],
    [{ open_loop: '', rw: 'read', rate_iops: '0,100' }, 'is open_loop without a rate'],
    [{ open_loop: '', rate_iops: '10', thinktime: '5' }, 'is open_loop with thinktime'],
    [{ rw: 'randrw', rate_iops: '100,0' }, 'has a rate for only one of its directions'],
    [{ rw: 'randrw', rate: ',1m' }, 'has a rate for only one of its directions'],
    [{ rw: 'randtrim', verify: 'sectors' }, 'has verify with trims'],
    [{ bs: '1000' }, 'has blocks of 1000 bytes; they must be multiples of 512'],
    [{ bs: '0' }, 'has blocks of 0 bytes'],
    [{ offset: '100' }, 'has an offset or a size of 100 bytes, no multiple of 512'],
    [{ size: '1.001k' }, 'it must be a size such as'],
    [{ size: '1000' }, 'no multiple of 512'],
    [{ bs: '64m' }, `has blocks of ${2 ** 26} bytes`],
    [{ bsrange: '512-1000' }, 'has blocks of 1000 bytes'],
    [{ ioengine: 'nbd' }, "has ioengine nbd, but its target 'file:disk' goes by psync or sync"],
    [{ ioengine: 'psync', target: 'cowring:disk' }, 'goes by cowring'],
    [{ ioengine: 'libaio' }, 'a file has one request in flight for each clone, so give numjobs for more'],
    [{ target: 'file:' }, 'it names no file'],
    [{ iodepth: '0' }, 'it must be a whole number from 1 to 1024'],
    [{ numjobs: '65' }, 'it must be a whole number from 1 to 64'],
    [{ rw: 'randwrites' }, 'it must be one of read, write, trim'],
    [{ rwmixread: '101' }, 'it must be a whole number from 0 to 100'],
  ] as const)('is refused with %o', (options, sentence) => {
    expect(() => jobSpec(options as Record<string, string>)).toThrow(sentence)
  })

  it('needs a target', () => {
    expect(() => resolveJob({ name: 'odd', options: new Map() })).toThrow("job 'odd' has no target")
  })
})
