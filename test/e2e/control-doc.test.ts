/** The manual's session, run as it is printed, and the manual against the command line it describes. */
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmodSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { verbs } from '../../src/cli/dmsetup/verbs.js'
import { pausedText } from '../../src/cli/merge/merge-text.js'
import { cowringProgram } from '../../src/cli/program.js'
import { cowringMain, DaemonUnderTest } from '../support/daemon-process.js'

const test = new DaemonUnderTest()
chmodSync(cowringMain, 0o755)
symlinkSync(cowringMain, join(test.folder, 'cowring'))
afterAll(() => test.close())

const manual = readFileSync(new URL('../../docs/control.md', import.meta.url), 'utf8')

/** The text of the next block of a kind. */
function block(kind: string, after = 0): string {
  const fence = `\n\`\`\`${kind}\n`
  const start = manual.indexOf(fence, after) + fence.length
  return manual.slice(start, manual.indexOf('\n```', start))
}

/** Runs a session of the manual in a folder of its own; answers what it prints. */
function run(session: string): string {
  // The daemon says when it listens; a shell cannot wait for that with `&` alone.
  const waits = 'until [ -S cowring.sock ]; do sleep 0.05; done'
  const script = `set -eu -m\ntrap 'kill $(jobs -p) 2>/dev/null || :' EXIT\n${session.replace(/^(cowring daemon &.*)$/m, `$1\n${waits}`)}\nwait %1`
  const env = { ...process.env, XDG_RUNTIME_DIR: test.folder, PATH: `${test.folder}:${process.env.PATH}` }
  return execFileSync('bash', ['-c', script], { cwd: test.folder, env, encoding: 'utf8', timeout: 60_000 })
}

it('the session of the manual does what it says', () => {
  const session = block('sh')
  const [, expected] = /status snap +# (.*)/.exec(session) ?? []
  const image = Buffer.alloc(64 * 2 ** 20, 'as it was ')
  writeFileSync(join(test.folder, 'disk.img'), image)
  writeFileSync(join(test.folder, 'block.bin'), Buffer.alloc(4096, 'new'))
  const out = run(session)
  expect(out).toBe(`cowring daemon listens on ${test.socket}\n${expected}\n`)
  expect(readFileSync(join(test.folder, 'as-it-was.img')).equals(image)).toBe(true)
  expect(readFileSync(join(test.folder, 'disk.img')).equals(image)).toBe(false)
  expect(readFileSync(join(test.folder, 'devices.txt'), 'utf8')).toMatch(/^disk-real,,0,rw,0 131072 linear .*;.*\n$/)
})

it('the merge of the manual prints what it says, and merges', () => {
  const section = manual.indexOf('\n## Merging\n')
  const session = block('sh', section)
  const printed = block('', manual.indexOf('It prints', section))
  const image = randomBytes(64 * 2 ** 20)
  const upgrade = randomBytes(8 * 2 ** 20)
  writeFileSync(join(test.folder, 'disk.img'), image)
  writeFileSync(join(test.folder, 'upgrade.bin'), upgrade)
  rmSync(join(test.folder, 'snap.cow'), { force: true })
  const out = run(session)
  expect(shapeOf(out)).toEqual(shapeOf(`cowring daemon listens on ${test.socket}\n${printed}\n`))
  upgrade.copy(image, 16 * 2 ** 20)
  expect(readFileSync(join(test.folder, 'disk.img')).equals(image)).toBe(true)
})

/** Its lines with every figure as one sign; how many alike follow each other depends on the machine. */
function shapeOf(text: string): readonly string[] {
  const lines = text.split('\n').map((line) => line.replace(/>?[\d.]+/g, '#'))
  return lines.filter((line, at) => line !== lines[at - 1])
}

it('the manual shows what a merge says when it is interrupted', () => {
  const progress = {
    done: 3.28 * 2 ** 20,
    total: 2 ** 23,
    bytesPerSecond: 0,
    etaSeconds: undefined,
    state: 'paused',
  } as const
  const text = pausedText({ name: 'snap', socket: undefined }, { origin: 'disk', snapshot: 'snap' }, progress)
  expect(manual).toContain(`\ncowring: ${text}\n`)
})

it('the manual names every command of dmsetup and every option of the daemon and of merge', () => {
  for (const { name } of verbs) expect(manual).toContain(`\`${name}`)
  const program = cowringProgram(() => {})
  const described = program.commands.filter((command) => ['daemon', 'merge'].includes(command.name()))
  for (const { long } of described.flatMap(({ options }) => options)) expect(manual).toContain(`${long}`)
  for (const command of program.commands)
    if (command.name() !== 'demo') expect(manual).toContain(`cowring ${command.name()}`)
})
