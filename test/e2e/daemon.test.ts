/** The daemon as a process: starting, being the only one, stopping, and surviving whatever is sent to it. */
import { once } from 'node:events'
import { existsSync, lstatSync, writeFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DaemonUnderTest } from '../support/daemon-process.js'

let test: DaemonUnderTest
beforeEach(() => {
  test = new DaemonUnderTest()
})
afterEach(() => test.close())

const until = async (condition: () => boolean) => {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5))
}

describe('a daemon', () => {
  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('says where it listens, and ends with 0 on %s', async (signal) => {
    const daemon = await test.daemon()
    expect(daemon.out.toString()).toBe(`cowring daemon listens on ${test.socket}\n`)
    expect(lstatSync(test.socket).mode & 0o777).toBe(0o600)
    daemon.child.kill(signal)
    expect(await daemon.ended).toMatchObject({ code: 0, err: '' })
    expect(existsSync(test.socket)).toBe(false)
  })

  it('is the only one on its socket', async () => {
    const first = await test.daemon()
    const second = await test.run(['daemon'])
    expect(second.code).toBe(1)
    expect(second.err).toMatch(/^cowring: a daemon listens on [^\n]+ already \(process \d+ [^\n]+\n$/)
    expect(second.err).toContain(String(first.child.pid))
    expect((await test.dm(['ls'])).out).toBe('No devices found\n')
    const elsewhere = test.start('daemon', '--workers', '1', '--socket', join(test.folder, 'other.sock'))
    await elsewhere.printed('listens on')
  })

  it('is the only one of several that start at once over the socket of a dead one', async () => {
    const dead = await test.daemon()
    dead.child.kill('SIGKILL')
    await dead.ended
    expect(existsSync(test.socket)).toBe(true)
    const started = Array.from({ length: 3 }, () => test.start('daemon', '--workers', '1'))
    const losers = await Promise.race([
      Promise.all(started.map((one) => one.ended)).then(() => 'all'),
      (async () => {
        const isOver = started.map(() => false)
        for (const [at, one] of started.entries()) one.ended.then(() => (isOver[at] = true))
        await until(() => isOver.filter(Boolean).length === 2)
        return isOver
      })(),
    ])
    expect(losers).not.toBe('all')
    const winner = started.find((_, at) => !(losers as boolean[])[at])
    for (const one of started) if (one !== winner) expect(await one.ended).toMatchObject({ code: 1 })
    await winner?.printed('listens on')
    expect((await test.dm(['ls'])).code).toBe(0)
  })

  it('restores devices before it answers anybody', async () => {
    test.file('disk', 64)
    writeFileSync(
      join(test.folder, 'devices'),
      'one,U-1,7,rw,0 32 linear disk 0,32 32 zero;two,,,ro,0 16 linear one 8\n',
    )
    await test.daemon('--restore', 'devices')
    expect((await test.dm(['table'])).out).toBe(
      'one: 0 32 linear 240:0 0\none: 32 32 zero \ntwo: 0 16 linear 254:7 8\n',
    )
  })

  it('that cannot restore all devices ends with 1 and leaves no socket', async () => {
    writeFileSync(join(test.folder, 'devices'), 'one,,,,0 8 zero;two,,,,0 8 linear none 0')
    const failed = await test.run(['daemon', '--workers', '1', '--restore', 'devices'])
    expect(failed.code).toBe(1)
    expect(failed.err).toMatch(/^cowring: [^\n]*two[^\n]*\n$/)
    expect(existsSync(test.socket)).toBe(false)
    await test.daemon()
  })

  it('goes on after bytes that are no requests, with a line in its log for each', async () => {
    const daemon = await test.daemon()
    for (const bytes of ['GET / HTTP/1.1\r\n\r\n', '\0\0\0\x01\xc1', '\xff\xff\xff\xff']) {
      const socket = createConnection(test.socket)
      socket.write(Buffer.from(bytes, 'latin1'))
      socket.resume()
      await once(socket, 'close')
    }
    await until(() => daemon.err.split('\n').length === 4)
    expect(daemon.err).toMatch(/^(cowring daemon: a connection is closed: [^\n]+\n){3}$/)
    expect((await test.dm(['ls'])).code).toBe(0)
  })

  it('that stops ends what waits for events', async () => {
    const daemon = await test.daemon()
    await test.dm(['create', 'one', '--table', '0 8 zero'])
    const waiting = test.start('dmsetup', 'wait', 'one')
    // Nothing shows that the daemon has the request; a client that comes later finds no daemon, and fails as well.
    await new Promise((resolve) => setTimeout(resolve, 700))
    daemon.child.kill('SIGTERM')
    expect(await daemon.ended).toMatchObject({ code: 0 })
    const { code, err } = await waiting.ended
    expect(code).toBe(1)
    expect(err).toContain('Command failed.')
  })

  it('takes its engine and mapper options, and refuses nonsense as bad usage', async () => {
    await test.daemon('--io', 'node', '--watermark', '50', '--watermark', '80', '--autoextend-threshold', '70')
    for (const words of [
      ['--watermark', '101'],
      ['--workers', '0'],
      ['--io', 'x'],
      ['--autoextend-percent', '20'],
      ['word'],
    ]) {
      const { code, err } = await test.run(['daemon', ...words])
      expect([words, code]).toEqual([words, 2])
      expect(err).toMatch(/^cowring: [^\n]+\n$/)
    }
  })
})

describe('without a daemon', () => {
  it('dmsetup and io say how to start one, and exit with 1', async () => {
    const says = `no daemon listens on ${test.socket}; start one with 'cowring daemon --socket ${test.socket}'\n`
    const dmsetup = await test.run(['dmsetup', 'ls'])
    expect(dmsetup).toMatchObject({ code: 1, err: `cowring: ${says}Command failed.\n` })
    expect(await test.run(['io', 'flush', 'x'])).toMatchObject({ code: 1, err: `cowring: ${says}` })
    const elsewhere = await test.run(['dmsetup', 'ls', '--socket', '/nowhere/s'])
    expect(elsewhere.err).toContain('no daemon listens on /nowhere/s')
  })

  it('dmsetup prints its help', async () => {
    for (const words of [['help'], ['--help'], ['create', '--help']]) {
      expect(await test.run(['dmsetup', ...words])).toMatchObject({ code: 0, err: '' })
    }
  })
})
