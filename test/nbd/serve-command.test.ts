/** `cowring serve` as a user runs it: its exports, its end, and commands that live inside it. */
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DaemonUnderTest } from '../support/daemon-process.js'
import { ByteStream } from '../support/nbd/byte-stream.js'
import { NbdClient } from '../support/nbd/client.js'
import { ImageFolder, mebibyte, pattern } from '../support/nbd/images.js'
import { hasTool } from '../support/nbd/tools.js'

let test: DaemonUnderTest
let folder: ImageFolder
const size = 4 * mebibyte

beforeEach(() => {
  test = new DaemonUnderTest()
  folder = new ImageFolder()
  folder.image('disk.img', size, [[0, size]])
})
afterEach(async () => {
  await test.close()
  folder.remove()
})

const image = (): string => folder.at('disk.img')
const snapshotWords = (name = 'now'): readonly string[] => ['--snapshot', `${name}=${folder.at(`${name}.cow`)},chunk=8`]

it("prints the URIs, serves on a socket that is its owner's alone, and ends with SIGTERM", async () => {
  const socket = join(test.folder, 'nbd.sock')
  const running = test.start('serve', '--workers', '1', '--listen', `unix:${socket}`, ...snapshotWords(), image())
  await running.printed('/now?')
  expect(running.out.toString().split('\n')).toEqual([
    `nbd+unix:///disk.img?socket=${socket}`,
    `nbd+unix:///now?socket=${socket}`,
    '',
  ])
  expect(statSync(socket).mode & 0o777).toBe(0o600)
  const client = await NbdClient.connect({ path: socket })
  await client.write(0, pattern(0, 65536, 2))
  const snapshot = await NbdClient.connect({ path: socket }, { name: 'now' })
  expect((await snapshot.read(0, 65536)).equals(pattern(0, 65536, 1))).toBe(true)
  running.child.kill('SIGTERM')
  expect((await running.ended).code).toBe(0)
  expect(statSync(socket, { throwIfNoEntry: false })).toBeUndefined()
  expect(
    folder
      .content('disk.img')
      .subarray(0, 65536)
      .equals(pattern(0, 65536, 2)),
  ).toBe(true)

  // The snapshot is remembered, and is served again.
  const again = test.start('serve', '--workers', '1', '--listen', `unix:${socket}`, image())
  await again.printed('/now?')
  const later = await NbdClient.connect({ path: socket }, { name: 'now' })
  expect((await later.read(0, size)).equals(pattern(0, size, 1))).toBe(true)
  await later.disconnect()
})

it('what was flushed outlives SIGKILL', async () => {
  const socket = join(test.folder, 'nbd.sock')
  const running = test.start('serve', '--workers', '1', '--listen', `unix:${socket}`, ...snapshotWords(), image())
  await running.printed('/now?')
  const client = await NbdClient.connect({ path: socket })
  const writes = Array.from({ length: 256 }, (_, at) => ({
    command: 1,
    offset: at * 8192,
    payload: pattern(at * 8192, 4096, 3),
  }))
  for (const { error } of await Promise.all(client.submitAll(writes))) expect(error).toBe(0)
  await client.flush()
  void client.submitAll(writes.map(({ command, offset }) => ({ command, offset, payload: pattern(offset, 4096, 4) })))
  await new Promise((resolve) => setTimeout(resolve, 5))
  running.child.kill('SIGKILL')
  await running.ended
  const again = test.start('serve', '--workers', '1', '--listen', `unix:${socket}`, image())
  await again.printed('/now?')
  const [origin, snapshot] = [
    await NbdClient.connect({ path: socket }),
    await NbdClient.connect({ path: socket }, { name: 'now' }),
  ]
  expect((await snapshot.read(0, size)).equals(pattern(0, size, 1))).toBe(true)
  for (let at = 0; at < 256 * 8192; at += 8192) {
    const found = await origin.read(at, 512)
    expect([3, 4]).toContain(found.readUInt32LE(4))
    expect((await origin.read(at + 4096, 4096)).equals(pattern(at + 4096, 4096, 1))).toBe(true)
  }
})

it("a TCP port of this machine; two images; names of one's own", async () => {
  folder.image('other.img', mebibyte, [[0, mebibyte]], 5)
  const words = [
    '--listen',
    'tcp:127.0.0.1:0',
    '--export',
    'one',
    '--export',
    'two',
    '--snapshot',
    `two/then=${folder.at('t.cow')}`,
  ]
  const running = test.start('serve', '--workers', '1', ...words, image(), folder.at('other.img'))
  await running.printed('then')
  const port = Number(/127\.0\.0\.1:(\d+)\/one/.exec(running.out.toString())?.[1])
  const where = { host: '127.0.0.1', port }
  const one = await NbdClient.connect(where, { name: 'one' })
  expect(one.facts.sizeBytes).toBe(size)
  const then = await NbdClient.connect(where, { name: 'two/then' })
  expect((await then.read(0, 4096)).equals(pattern(0, 4096, 5))).toBe(true)
  await expect(NbdClient.connect(where, { name: '' })).rejects.toThrow('refused')
})

describe('--run', () => {
  it("has the command's exit status, its variables, and the server for as long as it runs", async () => {
    const words = ['serve', '--workers', '1', ...snapshotWords()]
    const seven = await test.run([...words, '--run', 'echo "$uri"; test -S "$unixsocket" && exit 7', image()])
    expect(seven.code).toBe(7)
    expect(seven.out.toString()).toMatch(/^nbd\+unix:\/\/\/disk\.img\?socket=.*\n$/)
    expect((await test.run([...words.slice(0, 3), '--run', 'true', image()])).code).toBe(0)
    expect((await test.run([...words.slice(0, 3), '--run', 'kill -TERM $$', image()])).code).toBe(143)
  })

  it.skipIf(!hasTool('nbdinfo') || !hasTool('nbdcopy'))(
    'runs real clients (skipped where nbdinfo or nbdcopy is missing)',
    async () => {
      const words = ['serve', '--workers', '1', ...snapshotWords(), '--run']
      const listed = await test.run([...words, 'nbdinfo --list "$uri"', image()])
      expect([listed.code, listed.err]).toEqual([0, ''])
      expect(listed.out.toString()).toContain('export="now":')
      const copied = await test.run([
        ...words.slice(0, 3),
        '--run',
        `nbdcopy --connections=4 "$uri" ${folder.at('copy')}`,
        image(),
      ])
      expect([copied.code, copied.err]).toEqual([0, ''])
      expect(folder.content('copy').equals(pattern(0, size, 1))).toBe(true)
    },
  )

  it('a signal ends the command, and with it the server', async () => {
    const running = test.start('serve', '--workers', '1', '--run', 'echo here; exec sleep 60', image())
    await running.printed('here')
    running.child.kill('SIGTERM')
    expect((await running.ended).code).toBe(143)
  })
})

describe('refused', () => {
  it.each([
    ['a listener beyond this machine without TLS', ['--listen', 'tcp:0.0.0.0:0'], 'reached from other machines'],
    ['an address that is none', ['--listen', 'file:x'], 'unix:PATH'],
    ['a snapshot that says nothing', ['--snapshot', 'x'], 'NAME=COW'],
    ['TLS without certificates', ['--tls', 'require'], '--tls-certificates'],
    ['a folder without certificates', ['--tls-certificates', '/nowhere'], '/nowhere/server-cert.pem'],
  ])('%s', async (_what, words, text) => {
    const { code, err } = await test.run(['serve', ...words, image()])
    expect(code).not.toBe(0)
    expect(err).toContain(text)
    expect(err).not.toMatch(/\n\s+at /)
  })

  it('an image that is not there, and one that is served already', async () => {
    expect((await test.run(['serve', folder.at('nowhere')])).err).toContain('nowhere')
    const running = test.start('serve', '--workers', '1', image())
    await running.printed('nbd+unix')
    const { code, err } = await test.run(['serve', '--listen', `unix:${join(test.folder, 'second')}`, image()])
    expect(code).not.toBe(0)
    expect(err).toContain('disk.img')
    const same = await test.run(['serve', folder.image('third', mebibyte, [])])
    expect(same.code).not.toBe(0)
    expect(same.err).toContain('cowring-nbd.sock')
  })

  it('a snapshot that the image remembers with other settings, and a port without a host', async () => {
    const run = (...words: string[]) => test.start('serve', '--workers', '1', '--run', 'true', ...words, image()).ended
    expect((await run(...snapshotWords())).code).toBe(0)
    expect((await run(...snapshotWords())).code).toBe(0)
    const other = await run('--snapshot', `now=${folder.at('now.cow')},chunk=16`)
    expect([other.code, other.err]).toEqual([1, expect.stringContaining("'now' already, with chunk=8")])
    const port = await run('--listen', 'tcp:10809')
    expect([port.code, port.err]).toEqual([2, expect.stringContaining('tcp:HOST:PORT')])
  })

  it('writes, with --read-only', async () => {
    const socket = join(test.folder, 'nbd.sock')
    const running = test.start('serve', '--workers', '1', '--read-only', '--listen', `unix:${socket}`, image())
    await running.printed('nbd+unix')
    const client = await NbdClient.connect({ path: socket })
    expect((await client.submit({ command: 1, offset: 0, payload: Buffer.alloc(512) })).error).toBe(1)
    await client.disconnect()
  })

  it('connections beyond --max-connections', async () => {
    const socket = join(test.folder, 'nbd.sock')
    const running = test.start(
      'serve',
      '--workers',
      '1',
      '--max-connections',
      '2',
      '--listen',
      `unix:${socket}`,
      image(),
    )
    await running.printed('nbd+unix')
    const clients = [await NbdClient.connect({ path: socket }), await NbdClient.connect({ path: socket })]
    const third = await ByteStream.connect({ path: socket })
    await third.ended
    expect(third.unread).toBe(0)
    for (const client of clients) expect((await client.read(0, 512)).length).toBe(512)
  })
})
