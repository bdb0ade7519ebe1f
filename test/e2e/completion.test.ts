/** The completion of bash, asked as bash asks: the words of a line, the place of the cursor. */
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { cowringMain, DaemonUnderTest } from '../support/daemon-process.js'

const test = new DaemonUnderTest()
let script: string

beforeAll(async () => {
  script = (await test.run(['completion', 'bash'])).out.toString()
  writeFileSync(join(test.folder, 'completion'), script)
  writeFileSync(join(test.folder, 'some.cow'), '')
  chmodSync(cowringMain, 0o755)
  symlinkSync(cowringMain, join(test.folder, 'cowring'))
  await test.daemon()
  await test.dm(['create', 'snap-one', '--table', '0 8 zero'])
  await test.dm(['create', 'snap-two', '--table', '0 8 zero'])
})
afterAll(() => test.close())

/** What bash offers for the last word of the line. */
function offered(...words: string[]): string[] {
  const line = ['cowring', ...words].map((word) => `'${word}'`).join(' ')
  const ask = `source ./completion; COMP_WORDS=(${line}); COMP_CWORD=${words.length}; _cowring; printf '%s\\n' "\${COMPREPLY[@]}"`
  const env = { ...process.env, XDG_RUNTIME_DIR: test.folder, PATH: `${test.folder}:${process.env.PATH}` }
  const out = execFileSync('bash', ['--norc', '-c', ask], { cwd: test.folder, env, encoding: 'utf8' })
  return out.split('\n').filter((word) => word !== '')
}

describe('bash', () => {
  it('completes commands and their commands', () => {
    expect(offered('')).toEqual([
      'demo',
      'daemon',
      'dmsetup',
      'io',
      'load',
      'merge',
      'replay',
      'report',
      'serve',
      'store',
      'completion',
    ])
    expect(offered('d')).toEqual(['demo', 'daemon', 'dmsetup'])
    expect(offered('io', '')).toEqual(['read', 'write', 'zero', 'discard', 'flush', 'digest'])
    expect(offered('dmsetup', 're')).toEqual(['remove', 'remove_all', 'resume', 'reload', 'rename'])
  })

  it('completes the options of the command at hand', () => {
    const own = ['--deferred', '--force', '--retry']
    const all = [...own, '--uuid', '--major', '--minor', '--socket', '--help']
    expect(offered('dmsetup', 'remove', '--').toSorted()).toEqual(all.toSorted())
    expect(offered('daemon', '--metr')).toEqual(['--metrics', '--metrics-insecure'])
    expect(offered('daemon', '--auto')).toEqual(['--autoextend-threshold', '--autoextend-percent'])
    expect(offered('io', 'digest', '--a')).toEqual(['--algorithm'])
    expect(offered('merge', '--')).toEqual([
      '--rate-limit',
      '--latency-target',
      '--cancel',
      '--json',
      '--socket',
      '--help',
    ])
    expect(offered('store', 'check', '--or')).toEqual(['--origin-size'])
  })

  it('completes the values of options', () => {
    expect(offered('io', 'digest', '--algorithm', '')).toEqual(['sha256', 'md5'])
    expect(offered('daemon', '--io', 'l')).toEqual(['libc'])
    expect(offered('daemon', '--restore', 'some')).toEqual(['some.cow'])
    expect(offered('daemon', '--workers', '')).toEqual([])
  })

  it('completes the names of devices, and files where files are meant', () => {
    expect(offered('dmsetup', 'suspend', '')).toEqual(['snap-one', 'snap-two'])
    expect(offered('dmsetup', 'status', '--target', 'zero', 'snap-t')).toEqual(['snap-two'])
    expect(offered('merge', '')).toEqual(['snap-one', 'snap-two'])
    expect(offered('merge', '--rate-limit', '1M', 'snap-t')).toEqual(['snap-two'])
    expect(offered('io', 'read', 'snap-o')).toEqual(['snap-one'])
    expect(offered('dmsetup', '--socket', join(test.folder, 'cowring.sock'), 'info', '')).toEqual([
      'snap-one',
      'snap-two',
    ])
    expect(offered('dmsetup', '--socket', '/nowhere', 'info', '')).toEqual([])
    expect(offered('store', 'info', 'so')).toEqual(['some.cow'])
    expect(offered('dmsetup', 'ls', '')).toEqual([])
  })
})

describe('zsh', () => {
  const hasZsh = spawnSync('zsh', ['-c', 'true']).error === undefined

  it('has a script that names every command and option', async () => {
    const { code, out } = await test.run(['completion', 'zsh'])
    expect(code).toBe(0)
    const text = out.toString()
    expect(text).toMatch(/^#compdef cowring\n/)
    for (const part of [
      "'dmsetup remove_all'",
      "'io digest'",
      "'merge'",
      '--autoextend-threshold',
      "'--tree:draw what devices are made of'",
    ]) {
      expect(text).toContain(part)
    }
    if (hasZsh) expect(spawnSync('zsh', ['-n'], { input: text }).status).toBe(0)
  })
})

it('is for the shells there are', async () => {
  expect((await test.run(['completion', 'fish'])).code).toBe(2)
})
