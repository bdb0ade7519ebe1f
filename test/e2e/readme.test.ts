/** The README's example, run as it is printed, prints what the README says it prints. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'

const root = new URL('../..', import.meta.url).pathname
const folder = mkdtempSync(join(tmpdir(), 'cowring-readme-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const readme = readFileSync(join(root, 'README.md'), 'utf8')
const blockAfter = (start: string): string => {
  const from = readme.indexOf(start) + start.length
  return readme.slice(from, readme.indexOf('\n```', from))
}

test('the example in the README prints what the README says', () => {
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(root, join(folder, 'node_modules/cowring'))
  writeFileSync(join(folder, 'example.mjs'), blockAfter('```js\n'))
  const output = execFileSync(process.execPath, ['example.mjs'], { cwd: folder, encoding: 'utf8' })
  expect(output.trimEnd()).toBe(blockAfter('prints\n\n```\n'))
})

test('the example is short enough to read at a glance', () => {
  expect(blockAfter('```js\n').split('\n').length).toBeLessThanOrEqual(23)
})
