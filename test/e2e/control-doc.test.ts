/** The manual's session, run as it is printed, and the manual against the command line it describes. */
import { execFileSync } from 'node:child_process'
import { chmodSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { verbs } from '../../src/cli/dmsetup/verbs.js'
import { cowringProgram } from '../../src/cli/program.js'
import { cowringMain, DaemonUnderTest } from '../support/daemon-process.js'

const test = new DaemonUnderTest()
afterAll(() => test.close())

const manual = readFileSync(new URL('../../docs/control.md', import.meta.url), 'utf8')

it('the session of the manual does what it says', () => {
  const start = manual.indexOf('```sh\n') + 6
  const session = manual.slice(start, manual.indexOf('\n```', start))
  const [, expected] = /status snap +# (.*)/.exec(session) ?? []
  const image = Buffer.alloc(64 * 2 ** 20, 'as it was ')
  writeFileSync(join(test.folder, 'disk.img'), image)
  writeFileSync(join(test.folder, 'block.bin'), Buffer.alloc(4096, 'new'))
  chmodSync(cowringMain, 0o755)
  symlinkSync(cowringMain, join(test.folder, 'cowring'))
  // The daemon says when it listens; a shell cannot wait for that with `&` alone.
  const waits = 'until [ -S cowring.sock ]; do sleep 0.05; done'
  const script = `set -eu -m\ntrap 'kill $(jobs -p) 2>/dev/null || :' EXIT\n${session.replace(/^(cowring daemon &.*)$/m, `$1\n${waits}`)}\nwait %1`
  const env = { ...process.env, XDG_RUNTIME_DIR: test.folder, PATH: `${test.folder}:${process.env.PATH}` }
  const out = execFileSync('bash', ['-c', script], { cwd: test.folder, env, encoding: 'utf8', timeout: 60_000 })
  expect(out).toBe(`cowring daemon listens on ${test.socket}\n${expected}\n`)
  expect(readFileSync(join(test.folder, 'as-it-was.img')).equals(image)).toBe(true)
  expect(readFileSync(join(test.folder, 'disk.img')).equals(image)).toBe(false)
  expect(readFileSync(join(test.folder, 'devices.txt'), 'utf8')).toMatch(/^disk-real,,0,rw,0 131072 linear .*;.*\n$/)
})

it('the manual names every command of dmsetup and every option of the daemon', () => {
  for (const { name } of verbs) expect(manual).toContain(`\`${name}`)
  const program = cowringProgram(() => {})
  const daemon = program.commands.find((command) => command.name() === 'daemon')
  for (const { long } of daemon?.options ?? []) expect(manual).toContain(`${long}`)
  for (const command of program.commands)
    if (command.name() !== 'demo') expect(manual).toContain(`cowring ${command.name()}`)
})
