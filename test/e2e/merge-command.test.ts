/** `cowring merge` against a daemon: shown, limited, interrupted, cancelled, and left alone. */
import { createHash, randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DaemonClient } from '../../src/cli/daemon/client.js'
import { type CowringProcess, DaemonUnderTest } from '../support/daemon-process.js'

const sectors = 16384
const half = (sectors * 512) / 2
/** What a merge at this rate does not finish in a test's time: the snapshot holds some 4 MiB. */
const slow = ['--rate-limit', '300K'] as const

let test: DaemonUnderTest
let daemon: CowringProcess
/** What the origin will be when the snapshot is merged. */
let wanted: Buffer

const dm = async (...words: string[]): Promise<string> => {
  const { code, err, out } = await test.dm(words)
  expect([words, code, err]).toEqual([words, 0, ''])
  return out
}
const table = (name: string) => dm('table', name)
const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
const shown = async (name: string) => (await test.run(['io', 'digest', name])).out.toString().split(' ')[0]
const imageIs = () => readFileSync(`${test.folder}/image`).equals(wanted)
const linesOf = (out: Buffer) => out.toString().trimEnd().split('\n')
const documentsOf = (out: Buffer) => linesOf(out).map((line) => JSON.parse(line))

beforeEach(async () => {
  test = new DaemonUnderTest()
  test.file('cow', sectors + 4096)
  const old = randomBytes(sectors * 512)
  writeFileSync(`${test.folder}/image`, old)
  daemon = await test.daemon()
  await dm('create', 'real', '--table', `0 ${sectors} linear image 0`)
  await dm('create', 'snap', '--table', `0 ${sectors} snapshot real cow P 16`)
  await dm('create', 'disk', '--table', `0 ${sectors} snapshot-origin real`)
  const changes = randomBytes(half)
  const writes = [
    test.run(['io', 'write', 'snap', '512K'], changes),
    test.run(['io', 'write', 'disk', '7M'], randomBytes(2 ** 18)),
  ]
  for (const { code } of await Promise.all(writes)) expect(code).toBe(0)
  wanted = Buffer.concat([old.subarray(0, 2 ** 19), changes, old.subarray(2 ** 19 + half)])
})
afterEach(() => test.close())

/** How far the status says that the merge is: sectors of data that are left. */
async function left(name: string): Promise<number> {
  const [, used, metadata] = / (\d+)\/\d+ (\d+)$/m.exec(await dm('status', name)) ?? []
  return Number(used) - Number(metadata)
}

/** Until the tables say that the merge is done and tidied up. */
async function finished(): Promise<void> {
  while ((await table('disk')) !== `0 ${sectors} snapshot-origin 254:0\n` || (await dm('ls')).includes('snap'))
    await sleep(10)
}

describe('a merge', () => {
  it('says how far it is, then what is where; the origin is what the snapshot was', async () => {
    const { code, err, out } = await test.run(['merge', 'snap', '--rate-limit', '1.5M'])
    expect([code, err]).toEqual([0, ''])
    const lines = linesOf(out)
    expect(lines.length).toBeGreaterThanOrEqual(3)
    for (const line of lines.slice(0, -1)) {
      expect(line).toMatch(/^ {3}>?[\d.]+% {2}[\d.]+ [KM]iB of 4\.25 MiB {2}[\d.]+ [KM]iB\/s {2}\d s left$/)
    }
    expect(lines.at(-1)).toMatch(
      /^snap is merged into disk: 4\.25 MiB in [\d.]+ s\. disk is a plain origin again, the device snap is gone\.$/,
    )
    expect(await table('disk')).toBe(`0 ${sectors} snapshot-origin 254:0\n`)
    expect(await dm('ls')).toBe('disk\t(254:2)\nreal\t(254:0)\n')
    expect(imageIs()).toBe(true)
  })

  it('that is done in a moment is one line', async () => {
    const startedAt = performance.now()
    const { code, out } = await test.run(['merge', 'snap'])
    expect(code).toBe(0)
    if (performance.now() - startedAt < 1000) expect(linesOf(out)).toHaveLength(1)
    expect(linesOf(out).at(-1)).toContain('snap is merged into disk: 4.25 MiB in ')
    expect(imageIs()).toBe(true)
  })

  it('of a snapshot that holds nothing says so', async () => {
    test.file('empty', 512)
    await dm('create', 'fresh', '--table', `0 ${sectors} snapshot real empty P 16`)
    const { code, out } = await test.run(['merge', 'fresh'])
    expect([code, out.toString()]).toEqual([
      0,
      'fresh is merged into disk: it held nothing. disk is a plain origin again, the device fresh is gone.\n',
    ])
  })

  it('leaves the device of a snapshot that is in use, and says so', async () => {
    await dm('create', 'above', '--table', '0 8 linear snap 0')
    const { code, out } = await test.run(['merge', 'snap'])
    expect(code).toBe(0)
    expect(out.toString()).toContain(
      'plain origin again, the device snap is open, and has errors: remove it when it is not.',
    )
    expect(await table('snap')).toBe(`0 ${sectors} error \n`)
    // It has nothing to do with what is merged into the same origin later.
    test.file('later', 16384)
    await dm('create', 'next', '--table', `0 ${sectors} snapshot real later P 16`)
    expect(await test.run(['io', 'write', 'next', '0'], randomBytes(2 ** 20))).toMatchObject({ code: 0 })
    await test.start('merge', 'next', '--rate-limit', '100K').printed('left')
    expect((await test.run(['merge', 'snap'])).err).toContain('merge of snap failed: its table is not one snapshot')
    await dm('remove', 'above', 'snap')
  })

  it('with --json is a document a line, the last with the outcome', async () => {
    const { code, err, out } = await test.run(['merge', 'snap', '--rate-limit', '1.5M', '--json'])
    expect([code, err]).toEqual([0, ''])
    const documents = documentsOf(out)
    const last = documents.pop()
    expect(documents.length).toBeGreaterThanOrEqual(2)
    const total = half + 2 ** 18
    for (const document of documents) {
      expect(Object.keys(document)).toEqual(['name', 'state', 'done', 'total', 'bytesPerSecond', 'etaSeconds'])
      expect(document).toMatchObject({ name: 'snap', state: 'running', total })
    }
    expect(documents.map(({ done }) => done)).toEqual(documents.map(({ done }) => done).toSorted((a, b) => a - b))
    expect(last).toMatchObject({ name: 'snap', outcome: 'merged', state: 'merged', done: total, total })
    expect(last).toMatchObject({
      origin: 'disk',
      snapshot: 'snap',
      message: expect.stringContaining('merged into disk'),
    })
  })

  it('that fails ends with its message, and goes on when what failed is mended', async () => {
    await dm('reload', 'real', '--table', `0 ${sectors} flakey image 0 0 100 1 error_writes`)
    await dm('suspend', 'real')
    await dm('resume', 'real')
    const { code, err, out } = await test.run(['merge', 'snap', '--json'])
    expect(code).toBe(1)
    expect(err).toMatch(
      /^cowring: merging cow into disk failed: Write error: shutting down merge[^\n]+\n$|^cowring: [^\n]+cow into disk failed[^\n]+\n$/,
    )
    expect(documentsOf(out).at(-1)).toMatchObject({ outcome: 'failed', message: err.slice('cowring: '.length).trim() })
    expect(await dm('status', 'disk')).toBe(`0 ${sectors} snapshot-merge Merge failed\n`)
    expect((await test.run(['merge', 'disk'])).err).toBe(err)
    await dm('reload', 'real', '--table', `0 ${sectors} linear image 0`)
    await dm('suspend', 'real')
    await dm('resume', 'real')
    expect((await test.run(['merge', 'disk'])).code).toBe(0)
    expect(imageIs()).toBe(true)
  })
})

describe('an interrupted merge', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)(
    'is at rest after %s, shows the snapshot’s content, and goes on when it is asked for again',
    async (signal, code) => {
      const running = test.start('merge', 'snap', ...slow)
      await running.printed('left')
      running.child.kill(signal)
      const { code: ended, err } = await running.ended
      expect(ended).toBe(code)
      expect(err).toMatch(
        /^cowring: the merge is paused at [\d.]+%, [\d.]+ [KM]iB of 4\.25 MiB, and disk shows the snapshot's content; 'cowring merge snap' goes on, 'cowring merge snap --cancel' ends it\n$/,
      )
      const before = await left('disk')
      expect(before).toBeGreaterThan(0)
      expect(await shown('disk')).toBe(digest(wanted))
      expect(await left('disk')).toBe(before)
      const again = await test.run(['merge', 'snap', '--rate-limit', 'none'])
      expect(again.code).toBe(0)
      expect(again.out.toString()).toMatch(/^snap is merged into disk: the last [\d.]+ MiB of 4\.25 MiB in /)
      expect(imageIs()).toBe(true)
    },
  )

  it('says in JSON as well that it is paused, and where the daemon is', async () => {
    const running = test.start('merge', 'snap', ...slow, '--json', '--socket', test.socket)
    await running.printed('running')
    running.child.kill('SIGINT')
    const { code, err, out } = await running.ended
    expect(code).toBe(130)
    const last = documentsOf(out).at(-1)
    expect(last).toMatchObject({ outcome: 'paused', state: 'paused', bytesPerSecond: 0, etaSeconds: null })
    expect(err).toBe(`cowring: ${last.message}\n`)
    expect(err).toContain(`'cowring merge snap --socket ${test.socket}' goes on`)
  })

  it('ends at once at the second signal, when the daemon does not answer', async () => {
    const running = test.start('merge', 'snap', ...slow)
    await running.printed('left')
    daemon.child.kill('SIGSTOP')
    running.child.kill('SIGINT')
    expect(await Promise.race([running.ended, sleep(500)])).toBeUndefined()
    running.child.kill('SIGINT')
    expect(await running.ended).toMatchObject({ code: 130, err: '' })
    daemon.child.kill('SIGCONT')
    // It had been asked to pause, or not: either way it is there.
    expect((await test.run(['merge', 'snap', '--rate-limit', 'none'])).code).toBe(0)
  })

  it('is paused for all who look, and goes on for all of them', async () => {
    const watching = test.start('merge', 'snap', ...slow, '--json')
    await watching.printed('running')
    const running = test.start('merge', 'disk')
    await running.printed('left')
    running.child.kill('SIGINT')
    await watching.printed('"state":"paused"')
    expect(await running.ended).toMatchObject({ code: 130 })
    expect((await test.run(['merge', 'disk', '--rate-limit', 'none'])).code).toBe(0)
    const { code, out } = await watching.ended
    expect(code).toBe(0)
    expect(documentsOf(out).at(-1)).toMatchObject({ name: 'snap', outcome: 'merged' })
  })
})

describe('a merge without its command', () => {
  it('goes on to its end when the command is killed', async () => {
    const running = test.start('merge', 'snap', '--rate-limit', '1.5M')
    await running.printed('left')
    running.child.kill('SIGKILL')
    expect((await running.ended).code).toBe('SIGKILL')
    await finished()
    expect(imageIs()).toBe(true)
    expect(daemon.err).toBe('')
  })

  it('keeps its limits when it is looked at without any, and takes new ones', async () => {
    const first = test.start('merge', 'snap', ...slow)
    await first.printed('left')
    const second = test.start('merge', 'disk', '--json')
    await second.printed('running')
    const [{ bytesPerSecond, total }] = documentsOf(second.out)
    expect(bytesPerSecond).toBeLessThan(600 * 1024)
    expect(total).toBe(half + 2 ** 18)
    const startedAt = performance.now()
    expect((await test.run(['merge', 'disk', '--rate-limit', '1G', '--latency-target', '500ms'])).code).toBe(0)
    expect(performance.now() - startedAt).toBeLessThan(6000)
    for (const one of [first, second]) expect(await one.ended).toMatchObject({ code: 0, err: '' })
  })

  it('is unfinished when the daemon stops, and its store is a smaller one', async () => {
    const running = test.start('merge', 'snap', '--rate-limit', '1.5M', '--json')
    await running.printed('running')
    await sleep(500)
    daemon.child.kill('SIGTERM')
    const { code, err, out } = await running.ended
    expect([code, documentsOf(out).at(-1).outcome]).toEqual([1, 'failed'])
    expect(err).toMatch(/^cowring: [^\n]+\n$/)
    expect((await daemon.ended).code).toBe(0)
    const report = JSON.parse((await test.run(['store', 'check', 'cow', '--json'])).out.toString())
    expect(report).toMatchObject({ kind: 'store', valid: true, problemCount: 0 })
    expect(report.entries).toBeLessThan(544)
    expect(report.entries).toBeGreaterThan(0)
  })
})

describe('--cancel', () => {
  it('ends a merge for all who look; the rest stays in the store until it is asked for', async () => {
    const running = test.start('merge', 'snap', ...slow)
    await running.printed('left')
    const { code, err, out } = await test.run(['merge', 'disk', '--cancel'])
    expect([code, err]).toEqual([0, ''])
    expect(out.toString()).toMatch(
      /^The merge of snap into disk is cancelled at [\d.]+%, [\d.]+ [KM]iB of 4\.25 MiB\. The rest is in its store, and disk goes on showing the snapshot's content\. 'cowring merge disk' goes on\.\n$/,
    )
    const watcher = await running.ended
    expect(watcher.code).toBe(1)
    expect(watcher.err).toMatch(/^cowring: another command cancelled the merge at .*; 'cowring merge snap' goes on\n$/)
    expect(await left('disk')).toBeGreaterThan(0)
    expect(await shown('disk')).toBe(digest(wanted))
    const again = await test.run(['merge', 'snap', '--cancel', '--json'])
    expect(documentsOf(again.out)).toMatchObject([
      { name: 'snap', outcome: 'cancelled', origin: 'disk', snapshot: 'snap' },
    ])
    expect((await test.run(['merge', 'snap', '--rate-limit', 'none'])).code).toBe(0)
    expect(imageIs()).toBe(true)
  })

  it('begins nothing where nothing is being merged', async () => {
    for (const name of ['snap', 'disk', 'real']) {
      const err = `cowring: nothing is being merged into ${name}, nor out of it\n`
      expect(await test.run(['merge', name, '--cancel'])).toMatchObject({ code: 1, err })
    }
    expect(await table('snap')).toBe(`0 ${sectors} snapshot 254:0 240:1 P 16\n`)
  })
})

describe('what is refused', () => {
  it('bad usage: nothing is begun', async () => {
    const before = await dm('table')
    for (const [options, text] of [
      [['--rate-limit', '0'], 'bytes per second from 1 on'],
      [['--rate-limit', '0.5'], 'bytes per second from 1 on'],
      [['--rate-limit', '8X'], 'bytes per second from 1 on'],
      [['--rate-limit', '-5M'], 'bytes per second from 1 on'],
      [['--rate-limit', '1,5M'], 'bytes per second from 1 on'],
      [['--latency-target', '0'], 'a time above 0'],
      [['--latency-target', '2m'], 'a time above 0'],
      [['--latency-target', 'soon'], 'a time above 0'],
      [['--cancel', '--rate-limit', '1M'], "'--cancel' cannot be used with option '--rate-limit"],
      [['--cancel', '--latency-target', '1'], "'--cancel' cannot be used with option '--latency-target"],
      [['--frob'], '--frob'],
    ] as const) {
      const { code, err } = await test.run(['merge', 'snap', ...options])
      expect([options, code]).toEqual([options, 2])
      expect(err).toMatch(/^cowring: [^\n]+\n$/)
      expect(err).toContain(text)
      expect(err).toContain(options.find((word) => word.startsWith('--')))
    }
    expect(await dm('table')).toBe(before)
  })

  it('a device that is none, or no snapshot, or whose snapshot cannot be merged', async () => {
    test.file('cow-n', 512)
    await dm('create', 'short', '--table', `0 ${sectors} snapshot real cow-n N 16`)
    const before = await dm('table')
    for (const [name, reason] of [
      ['none', 'there is no such device'],
      ['real', 'its table is not one snapshot that is in use'],
      ['disk', 'nothing is being merged into it; name the device of a snapshot'],
      ['short', 'Snapshot exception store does not support snapshot-merge.'],
    ] as const) {
      const { code, err } = await test.run(['merge', name])
      expect([name, code]).toEqual([name, 1])
      expect(err).toMatch(/^cowring: merge of [^\n]+ failed: [^\n]+\n$/)
      expect(err).toContain(reason)
    }
    expect(await dm('table')).toBe(before)
  })

  it('requests that are none: the daemon closes the connection, answers what it can, and goes on', async () => {
    const client = await DaemonClient.connect(test.socket)
    await expect(client.call('mergeProgress', [1])).rejects.toMatchObject({ code: 'DEVICE_CLOSED' })
    await expect(client.call('mergePause', [2 ** 40])).rejects.toMatchObject({ code: 'DEVICE_CLOSED' })
    await expect(client.call('mergeCancel', ['__proto__'])).rejects.toMatchObject({ code: 'DEVICE_MISSING' })
    for (const limits of [
      { rateLimit: -1 },
      { rateLimit: '1M' },
      { latencyTarget: Number.NaN },
      { meanwhile: 'error' },
    ]) {
      const other = await DaemonClient.connect(test.socket)
      await expect(other.call('merge', ['snap', limits])).rejects.toMatchObject({ code: 'ENGINE_CLOSED' })
    }
    expect(daemon.err).toMatch(/^(cowring daemon: a connection is closed: word 2 of a 'merge' [^\n]+\n){4}$/)
    expect(await table('snap')).toBe(`0 ${sectors} snapshot 254:0 240:1 P 16\n`)
    client.close()
  })
})

describe('LVM2’s sequence', () => {
  it('of dmsetup commands merges as well, and can be looked at', async () => {
    const merge = `0 ${sectors} snapshot-merge real cow P 16`
    for (const words of [
      ['suspend', 'disk'],
      ['suspend', 'snap'],
      ['reload', 'disk', '--table', merge],
      ['resume', 'disk'],
    ]) {
      await dm(...words)
    }
    expect(await table('disk')).toBe(`0 ${sectors} snapshot-merge 254:0 240:1 P 16\n`)
    const { code, out } = await test.run(['merge', 'disk'])
    expect(code).toBe(0)
    expect(out.toString()).toMatch(
      /the snapshot is merged into disk(:| already\.).* disk has the table of the merge still: load one of a snapshot-origin\.\n$/,
    )
    while ((await left('disk')) > 0) await sleep(10)
    const [target] = JSON.parse(await dm('status', '--json', 'disk')).devices[0].targets
    const { allocatedSectors, metadataSectors, state } = target.snapshot
    expect([target.type, state, allocatedSectors]).toEqual(['snapshot-merge', 'valid', metadataSectors])
    expect((await test.run(['merge', 'disk', '--cancel'])).err).toContain('nothing to cancel')
    for (const words of [
      ['reload', 'disk', '--table', `0 ${sectors} snapshot-origin real`],
      ['suspend', 'disk'],
      ['resume', 'disk'],
      ['remove', 'snap'],
    ]) {
      await dm(...words)
    }
    expect(await shown('disk')).toBe(digest(wanted))
    expect(imageIs()).toBe(true)
    expect(await dm('targets')).toContain('snapshot-merge   v')
  })
})
