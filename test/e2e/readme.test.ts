/** The README's example, run as it is printed, prints what the README says it prints. */
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'

const root = new URL('../..', import.meta.url).pathname
const folder = mkdtempSync(join(tmpdir(), 'cowring-readme-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const main = join(root, 'dist/src/cli/main.js')
chmodSync(main, 0o755)
symlinkSync(main, join(folder, 'cowring'))

const readme = readFileSync(join(root, 'README.md'), 'utf8')
const blockAfter = (start: string, behind = ''): string => {
  const from = readme.indexOf(start, readme.indexOf(behind)) + start.length
  return readme.slice(from, readme.indexOf('\n```', from))
}

test('the example in the README prints what the README says', () => {
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(root, join(folder, 'node_modules/cowring'))
  writeFileSync(join(folder, 'example.mjs'), blockAfter('```js\n'))
  const output = execFileSync(process.execPath, ['example.mjs'], { cwd: folder, encoding: 'utf8' })
  expect(output.trimEnd()).toBe(blockAfter('prints\n\n```\n'))
})

test('the example of requests in place prints what the README says', () => {
  const section = '## In place'
  writeFileSync(join(folder, 'in-place.mjs'), blockAfter('```js\n', section))
  const output = execFileSync(process.execPath, ['in-place.mjs'], { cwd: folder, encoding: 'utf8' })
  expect(output.trimEnd()).toBe(blockAfter('prints\n\n```\n', section))
})

test('the stores in the README, with the files of the example, are checked, repaired and compared as it says', () => {
  const section = '## Stores by themselves'
  const env = { ...process.env, PATH: `${folder}:${process.env.PATH}` }
  const output = execFileSync('bash', ['-ec', blockAfter('```sh\n', section)], { cwd: folder, env, encoding: 'utf8' })
  expect(output.trimEnd().replaceAll(realpathSync(folder), '/tmp/demo')).toBe(blockAfter('prints\n\n```\n', section))
})

test('the rollback in the README, with the files of the example, prints what the README says', () => {
  const section = '## Roll back'
  writeFileSync(join(folder, 'rollback.mjs'), blockAfter('```js\n', section))
  const output = execFileSync(process.execPath, ['rollback.mjs'], { cwd: folder, encoding: 'utf8', stdio: 'pipe' })
  expect(output.trimEnd()).toBe(blockAfter('beside the progress,\n\n```\n', section))
})

test('the example is short enough to read at a glance', () => {
  expect(blockAfter('```js\n').split('\n').length).toBeLessThanOrEqual(23)
})

/** What differs from run to run: where the socket is, what was written, how much of it. */
const withoutChance = (output: string): string =>
  output
    .replace(/listens on \S+/, 'listens on SOCKET')
    .replace(/\b[0-9a-f]{64}\b/g, 'DIGEST')
    .replace(/snapshot \d+\/131072 128/, 'snapshot USED/131072 128')

test('the eight steps in the README, typed while somebody writes, print what the README says', () => {
  const section = '## Devices made of tables'
  const session = blockAfter('```sh\n', section)
  const daemonListens = 'until [ -S "$XDG_RUNTIME_DIR/cowring.sock" ]; do sleep 0.05; done'
  const script = session.replace(/^(cowring daemon &)$/m, `$1\n${daemonListens}`)
  const env = { ...process.env, XDG_RUNTIME_DIR: folder, PATH: `${folder}:${process.env.PATH}` }
  // Whatever fails, nobody is left who keeps the output open.
  const whole = `set -eu -m\ntrap 'kill $(jobs -p) 2>/dev/null || :' EXIT\n${script}\nkill %2\nkill %1\nwait %1`
  const output = execFileSync('bash', ['-c', whole], {
    cwd: folder,
    env,
    encoding: 'utf8',
    stdio: 'pipe',
    timeout: 60_000,
  })
  expect(withoutChance(output.trimEnd())).toBe(withoutChance(blockAfter('printed\n\n```\n', section)))
  const [atSuspension, ofSnapshot] = output.match(/\b[0-9a-f]{64}\b/g) ?? []
  expect(ofSnapshot).toBe(atSuspension)
  const used = Number(/snapshot (\d+)\/131072 128/.exec(output)?.[1])
  expect(used, 'somebody wrote meanwhile').toBeGreaterThan(128)
})
