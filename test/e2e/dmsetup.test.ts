/** dmsetup's commands over the daemon's socket: life cycles, output, errors. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { DaemonUnderTest } from '../support/daemon-process.js'

const test = new DaemonUnderTest()
const dm = (...words: string[]) => test.dm(words)
const done = { code: 0, out: '', err: '' }

beforeAll(async () => {
  test.file('disk', 2048)
  test.file('cow', 512)
  await test.daemon()
})
afterAll(() => test.close())

/** Removes what a test made, those above first. */
const clean = async () => expect(await dm('remove_all', '--force')).toEqual(done)

afterEach(async () => {
  await dm('remove_all', '--force')
})

describe('a device', () => {
  it('is made from --table, a file or standard input, with paths from the caller’s folder', async () => {
    writeFileSync(join(test.folder, 'table'), '# the first half\n0 1024 linear disk 0\n\n1024 8 zero # and zeroes\n')
    expect(await dm('create', 'a', '--table', '0 8 linear disk 0\n8 8 error')).toEqual(done)
    expect(await dm('create', 'b', 'table')).toEqual(done)
    expect(await test.dm(['create', 'c'], '0 8 linear ./disk 8\n')).toEqual(done)
    expect((await dm('table')).out).toBe(
      'a: 0 8 linear 240:0 0\na: 8 8 error \nb: 0 1024 linear 240:0 0\nb: 1024 8 zero \nc: 0 8 linear 240:0 8\n',
    )
    mkdirSync(join(test.folder, 'sub'))
    await clean()
  })

  it('goes through its states', async () => {
    const attr = async () =>
      (await dm('info', '-c', '--noheadings', '--separator', ':', '-o', 'attr,open,segments', 'a')).out
    expect(await dm('create', 'a', '--notable', '--uuid', 'U-1', '--minor', '5')).toEqual(done)
    expect((await dm('info', 'a')).out).toContain(
      'State:             ACTIVE\nRead Ahead:        0\nTables present:    None\n',
    )
    expect((await dm('table', 'a')).out).toBe('\n')
    expect((await dm('table', 'a', 'a')).out).toBe('a: \na: \n')
    expect(await dm('load', 'a', '--table', '0 8 zero')).toEqual(done)
    expect(await attr()).toBe('-I-w:0:0\n')
    expect((await dm('table', '--inactive', 'a')).out).toBe('0 8 zero \n')
    expect(await dm('clear', 'a')).toEqual(done)
    expect(await attr()).toBe('---w:0:0\n')
    expect(await dm('reload', 'a', '-r', '--table', '0 8 zero')).toEqual(done)
    expect(await dm('resume', 'a')).toEqual(done)
    expect(await attr()).toBe('L--r:0:1\n')
    expect(await dm('suspend', '--noflush', 'a')).toEqual(done)
    expect(await attr()).toBe('L-sr:0:1\n')
    expect((await dm('resume', 'a', '-v')).out).toMatch(/State: {13}ACTIVE \(READ-ONLY\)/)
    expect((await dm('info', '-u', 'U-1')).out).toContain(
      'Major, minor:      254, 5\nNumber of targets: 1\nUUID: U-1\n\n',
    )
    expect((await dm('status', '-j', '254', '-m', '5')).out).toBe('0 8 zero \n')
    expect(await dm('remove', '-u', 'U-1')).toEqual(done)
    expect((await dm('ls')).out).toBe('No devices found\n')
  })

  it('is renamed, and gets a UUID once', async () => {
    await dm('create', 'a', '--table', '0 8 zero')
    expect(await dm('rename', 'a', 'b')).toEqual(done)
    expect(await dm('rename', '--setuuid', 'b', 'U-2')).toEqual(done)
    expect((await dm('info', '-c', '--noheadings', '--separator', ' ', '-o', 'name,uuid,events')).out).toBe('b U-2 1\n')
    const again = await dm('rename', 'b', '--setuuid', 'U-3')
    expect(again.code).toBe(1)
    expect(again.err).toMatch(
      /^cowring: b: .*\ndevice-mapper: rename ioctl on b {2}failed: Invalid argument\nCommand failed\.\n$/,
    )
    await clean()
  })

  it('that another one uses is not removed, but wiped or marked', async () => {
    await dm('create', 'below', '--table', '0 8 zero')
    await dm('create', 'above', '--table', '0 8 linear below 0')
    const refused = await dm('remove', 'below')
    expect(refused.err).toBe(
      'cowring: below: it is open (1)\ndevice-mapper: remove ioctl on below  failed: Device or resource busy\nCommand failed.\n',
    )
    expect(await dm('remove', '--deferred', 'below')).toEqual(done)
    expect((await dm('info', 'below')).out).toContain('State:             ACTIVE (DEFERRED REMOVE)\n')
    expect(await dm('message', 'below', '0', '@cancel_deferred_remove')).toEqual(done)
    expect(await dm('wipe_table', 'above')).toEqual(done)
    expect((await dm('table', 'above')).out).toBe('0 8 error \n')
    expect(await dm('remove', 'below', 'above')).toEqual(done)
  })

  it('is waited for', async () => {
    await dm('create', 'a', '--table', '0 8 zero')
    await dm('rename', 'a', 'b')
    expect(await dm('wait', 'b')).toEqual(done)
    expect(await dm('wait', 'b', '     0')).toEqual(done)
    expect((await dm('wait', 'b', '-v')).out).toContain('Event number:      1\n')
    const waiting = test.start('dmsetup', 'wait', 'b', '1', '--json')
    let isOver = false
    waiting.ended.then(() => {
      isOver = true
    })
    // A table swap wakes who waits and is not counted, so the first one after the wait has begun ends it.
    while (!isOver) {
      await dm('reload', 'b', '--table', '0 8 zero')
      await dm('resume', 'b')
    }
    const { code, out } = await waiting.ended
    expect([code, JSON.parse(out.toString())]).toEqual([0, { name: 'b', eventNumber: 1 }])
    await clean()
  })
})

describe('a snapshot', () => {
  it('is taken of a device in use, as the mailing list’s eight steps say', async () => {
    for (const [words, input] of [
      [['create', 'data', '--table', '0 2048 linear disk 0']],
      [['suspend', 'data']],
      [['create', 'data-org', '--notable']],
      [['load', 'data-org'], '0 2048 linear disk 0\n'],
      [['resume', 'data-org']],
      [['create', 'data-snap', '--notable']],
      [['load', 'data-snap', '--table', '0 2048 snapshot data-org cow p 16']],
      [['load', 'data', '--table', '0 2048 snapshot-origin /dev/mapper/data-org']],
      [['resume', 'data-snap']],
      [['resume', 'data']],
    ] as const) {
      expect([words, await test.dm(words, input)]).toEqual([words, done])
    }
    const before = (await test.run(['io', 'digest', 'data-snap'])).out.toString().split(' ')[0]
    const written = await test.run(['io', 'write', 'data', '64K', '--json'], Buffer.alloc(8192, 7))
    expect(JSON.parse(written.out.toString())).toEqual({ name: 'data', offset: 65536, length: 8192 })
    expect((await test.run(['io', 'digest', 'data-snap'])).out.toString()).toBe(`${before}  data-snap\n`)
    expect((await test.run(['io', 'read', 'data', '128s', '1s'])).out).toEqual(Buffer.alloc(512, 7))
    expect((await dm('status')).out).toBe(
      'data: 0 2048 snapshot-origin \ndata-org: 0 2048 linear \ndata-snap: 0 2048 snapshot 48/512 32\n',
    )
    expect((await dm('status', '--target', 'snapshot')).out).toBe('data-snap: 0 2048 snapshot 48/512 32\n')
    expect((await dm('ls', '--target', 'snapshot')).out).toBe('data-snap\t(254:2)\n'.replace(':', ', '))
    expect((await dm('table', 'data-snap')).out).toBe('0 2048 snapshot 254:1 240:1 P 16\n')
    expect((await dm('deps', '-o', 'devname', 'data-snap')).out).toBe(
      `2 dependencies\t: (data-org) (${join(test.folder, 'cow')})\n`,
    )
    expect((await dm('deps', 'data')).out).toBe('1 dependencies\t: (254, 1)\n')
    expect((await dm('ls', '--tree')).out).toBe(
      [
        'data (254:0)',
        ' `-data-org (254:1)',
        '    `- (240:0)',
        'data-snap (254:2)',
        ' |-data-org (254:1)',
        ' |  `- (240:0)',
        ' `- (240:1)',
        '',
      ].join('\n'),
    )
  })

  it('is saved with all it needs into one file, and restored from it', async () => {
    await dm('create', 'data-org', '--minor', '1', '--table', '0 2048 linear disk 0')
    await dm('create', 'data-snap', '--minor', '2', '--table', '0 2048 snapshot data-org cow P 16')
    await dm('create', 'data', '--minor', '0', '--uuid', 'U,1', '--table', '0 2048 snapshot-origin data-org')
    const digest = async () => (await test.run(['io', 'digest', 'data-snap'])).out.toString()
    const before = await digest()
    const { out } = await dm('table', '--concise')
    const tables = (await dm('table')).out
    writeFileSync(join(test.folder, 'devices'), out)
    await clean()
    expect((await dm('ls')).out).toBe('No devices found\n')
    expect(await test.dm(['create', '--concise'], out)).toEqual(done)
    // Files get their numbers in the order in which they are opened.
    expect((await dm('table')).out).toBe(tables)
    expect(await digest()).toBe(before)
    await clean()
    expect(await dm('table', '--concise')).toEqual(done)
    expect((await test.run(['dmsetup', 'create', '--concise'], out)).code).toBe(0)
    expect((await dm('table', '--concise')).out).toBe(out)
    expect(out).toContain(';data,U\\,1,0,rw,0 2048 snapshot-origin 254:1')
    expect((await dm('table', '--concise', 'data-org')).out).toBe(
      `data-org,,1,rw,0 2048 linear ${join(test.folder, 'disk')} 0\n`,
    )
    await clean()
  })

  it('comes from a concise text with empty fields, as dmsetup takes it', async () => {
    expect(await dm('create', '--concise', 'one,,,,0 8 zero,8 8 error; two,,,ro,0 8 linear one 0')).toEqual(done)
    expect((await dm('info', '-c', '--noheadings', '--separator', ':', '-o', 'name,attr')).out).toBe(
      'one:L--w\ntwo:L--r\n',
    )
    await clean()
  })
})

describe('JSON', () => {
  it('is what every listing prints, with the fields of the manual', async () => {
    await dm('create', 'a', '--uuid', 'U', '--table', '0 2048 linear disk 0')
    test.file('json-cow', 512)
    await dm('create', 's', '--table', '0 2048 snapshot a json-cow P 16')
    const json = async (...words: string[]) => JSON.parse((await dm(...words, '--json')).out)
    expect(await json('ls')).toEqual({
      devices: [
        { name: 'a', major: 254, minor: 0 },
        { name: 's', major: 254, minor: 1 },
      ],
    })
    expect(await json('info', 'a')).toEqual({
      devices: [
        {
          name: 'a',
          uuid: 'U',
          major: 254,
          minor: 0,
          sectors: 2048,
          suspended: false,
          readOnly: false,
          deferredRemove: false,
          live: true,
          inactive: false,
          openCount: 1,
          eventNumber: 0,
          targetCount: 1,
        },
      ],
    })
    const snapshot = { state: 'valid', allocatedSectors: 32, totalSectors: 512, metadataSectors: 32 }
    expect(await json('status', 's')).toEqual({
      devices: [{ name: 's', targets: [{ start: 0, length: 2048, type: 'snapshot', params: '32/512 32', snapshot }] }],
    })
    expect((await json('table')).devices[1].targets[0]).toEqual({
      start: 0,
      length: 2048,
      type: 'snapshot',
      params: expect.stringMatching(/^254:0 240:\d P 16$/),
    })
    expect((await json('deps', 's')).devices[0].dependencies).toEqual([
      { major: 254, minor: 0, name: 'a', path: null },
      { major: 240, minor: expect.any(Number), name: null, path: join(test.folder, 'json-cow') },
    ])
    expect((await json('targets')).targets).toContainEqual({ name: 'snapshot', version: '1.16.0' })
    expect((await json('ls', '--tree')).devices[0].children[0].children[0].path).toBe(join(test.folder, 'disk'))
    await clean()
    for (const verb of ['ls', 'info', 'status', 'table', 'deps']) expect(await json(verb)).toEqual({ devices: [] })
  })
})

describe('an error', () => {
  it('has the recorded form, after the kernel’s words for the cause', async () => {
    expect(await dm('create', 't', '--table', '0 16384 snapshot')).toEqual({
      code: 1,
      out: '',
      err: [
        'device-mapper: table: 254:0: snapshot: requires 4 or more arguments (-EINVAL)',
        'device-mapper: reload ioctl on t (254:0) failed: Invalid argument',
        'Command failed.',
        '',
      ].join('\n'),
    })
    expect((await dm('ls')).out).toBe('No devices found\n')
    await dm('create', 't', '--table', '0 8 zero')
    const reload = await dm('reload', 't', '--table', '0 8 frob')
    expect(reload.err).toMatch(/\ndevice-mapper: reload ioctl on t {2}failed: Invalid argument\nCommand failed\.\n$/)
    expect((await dm('message', 't', '0', 'foo')).err).toMatch(
      /device-mapper: message ioctl on t {2}failed: Invalid argument\nCommand failed\.\n$/,
    )
    await clean()
  })

  it.each([
    ['info', 'Device does not exist.'],
    ['status', 'Device does not exist.'],
    ['table', 'device-mapper: table ioctl on x  failed: No such device or address'],
    ['deps', 'device-mapper: deps ioctl on x  failed: No such device or address'],
    ['remove', 'device-mapper: remove ioctl on x  failed: No such device or address'],
    ['suspend', 'device-mapper: suspend ioctl on x  failed: No such device or address'],
    ['resume', 'device-mapper: resume ioctl on x  failed: No such device or address'],
    ['clear', 'device-mapper: clear ioctl on x  failed: No such device or address'],
    ['wait', 'device-mapper: waitevent ioctl on x  failed: No such device or address'],
  ])('about a missing device is the one of dmsetup: %s', async (verb, line) => {
    expect(await dm(verb, 'x')).toEqual({ code: 1, out: '', err: `${line}\nCommand failed.\n` })
  })

  it('ends the work on several devices, and what was done stays done', async () => {
    await dm('create', 'a', '--table', '0 8 zero')
    await dm('create', 'c', '--table', '0 8 zero')
    expect((await dm('suspend', 'a', 'x', 'c')).code).toBe(1)
    expect((await dm('info', '-c', '--noheadings', '--separator', ':', '-o', 'name,attr')).out).toBe('a:L-sw\nc:L--w\n')
    const shown = await dm('table', 'a', 'x', 'c')
    expect([shown.code, shown.out]).toEqual([1, 'a: 0 8 zero \n'])
    const json = await dm('info', 'a', 'x', '--json')
    expect([json.code, JSON.parse(json.out).devices.length]).toEqual([1, 1])
    await clean()
  })
})

describe('io', () => {
  it('reads, writes, digests and refuses, in bytes or units', async () => {
    await dm('create', 'a', '--table', '0 2048 linear disk 0')
    const bytes = Buffer.from(Array.from({ length: 512 * 3 }, (_, at) => at % 251))
    expect((await test.run(['io', 'write', 'a', '4K'], bytes)).code).toBe(0)
    expect((await test.run(['io', 'read', 'a', '8s', '3s'])).out).toEqual(bytes)
    expect((await test.run(['io', 'read', 'a', '0', '1M'])).out).toHaveLength(2 ** 20)
    writeFileSync(join(test.folder, 'input'), bytes)
    expect((await test.run(['io', 'write', 'a', '0', '--input', 'input'])).code).toBe(0)
    expect((await test.run(['io', 'read', 'a', '0', '1536'])).out).toEqual(bytes)
    expect((await test.run(['io', 'flush', 'a'])).code).toBe(0)
    const digest = JSON.parse(
      (await test.run(['io', 'digest', 'a', '0', '0', '--algorithm', 'md5', '--json'])).out.toString(),
    )
    expect(digest).toEqual({
      name: 'a',
      offset: 0,
      length: 0,
      algorithm: 'md5',
      digest: 'd41d8cd98f00b204e9800998ecf8427e',
    })
    for (const [words, says] of [
      [['read', 'a', '1', '512'], 'must be multiples of 512'],
      [['read', 'a', '2047s', '2s'], 'reach past its end'],
      [['read', 'x', '0', '512'], 'no such device'],
    ] as const) {
      const { code, err } = await test.run(['io', ...words])
      expect(code).toBe(1)
      expect(err).toMatch(/^cowring: [^\n]+\n$/)
      expect(err).toContain(says)
    }
    const odd = await test.run(['io', 'write', 'a', '0'], 'odd')
    expect([odd.code, odd.err.includes('middle of a sector')]).toEqual([1, true])
    expect((await test.run(['io', 'read', 'a', '0', '1X'])).code).toBe(2)
    const zeroed = await test.run(['io', 'zero', 'a', '0', '1s', '--json'])
    expect(JSON.parse(zeroed.out.toString())).toEqual({ name: 'a', offset: 0, length: 512 })
    expect((await test.run(['io', 'discard', 'a', '1s', '1s'])).code).toBe(0)
    const left = (await test.run(['io', 'read', 'a', '0', '3s'])).out
    expect([left.subarray(0, 512), left.subarray(1024)]).toEqual([Buffer.alloc(512), bytes.subarray(1024)])
    // Nobody has it open any more.
    expect(await dm('remove', 'a')).toEqual(done)
  })
})
