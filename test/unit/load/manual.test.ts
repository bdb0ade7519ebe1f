/** The manual of the load harness against the command line it describes. */
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { cowringProgram } from '../../../src/cli/program.js'
import { jobOptionNames } from '../../../src/load/job/job-options.js'

const manual = readFileSync(new URL('../../../docs/load.md', import.meta.url), 'utf8')

it('the manual names every option of a job', () => {
  const missing = jobOptionNames.filter((name) => !manual.includes(name))
  expect(missing).toEqual([])
})

it.each(['load', 'replay'])('the manual names every option of cowring %s', (name) => {
  const command = cowringProgram(() => {}).commands.find((each) => each.name() === name)
  const options = command?.options.map(({ long }) => long ?? '') ?? ['no such command']
  const missing = options.filter((option) => !manual.includes(option.replace('--', '')))
  expect(missing).toEqual([])
})
