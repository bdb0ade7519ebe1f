/**
 * The simulator in `npm test`: new seeds each time, seeds and lists of operations that once failed, and whether a seed says it all.
 * It runs the build in processes of its own, since it takes the place of files, clocks and atomics there.
 */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { freshSeed } from '../support/model-random.js'
import { onceFailing } from './once-failing.js'
import { scenarios } from './scenarios/scenario-list.js'

const built = (file: string): string => fileURLToPath(new URL(`../../dist/test/sim/${file}`, import.meta.url))

interface Ended {
  readonly code: number
  readonly stdout: string
}

async function run(file: string, ...words: string[]): Promise<Ended> {
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [built(file), ...words], { maxBuffer: 2 ** 26 })
    return { code: 0, stdout }
  } catch (error) {
    const { code, stdout = '', stderr = '' } = error as { code?: number; stdout?: string; stderr?: string }
    return { code: code ?? 1, stdout: stdout + stderr }
  }
}

const simulate = (...words: string[]): Promise<Ended> => run('main.js', ...words)

const newRuns = 300
const minutes = 60_000

describe('the simulator', () => {
  test(`finds nothing wrong in ${newRuns} new runs`, { timeout: 10 * minutes }, async () => {
    const { code, stdout } = await simulate('--seed', `${freshSeed()}`, '--runs', `${newRuns}`)
    expect(code, stdout).toBe(0)
    expect(stdout).toContain(`${newRuns} runs in`)
  })

  test.each(onceFailing)(
    'finds nothing wrong in seed $seed any more: $was',
    { timeout: 2 * minutes },
    async ({ seed }) => {
      const { code, stdout } = await simulate('--seed', `${seed}`, '--runs', '1')
      expect(code, stdout).toBe(0)
    },
  )

  test('does the same again for the same seeds, and something else for others', { timeout: 2 * minutes }, async () => {
    const digests = async (seed: number): Promise<string[]> => {
      const { stdout } = await simulate('--seed', `${seed}`, '--runs', '6', '--jobs', '1', '-v')
      return [...stdout.matchAll(/digest (\w+) .*/g)].map(([line]) => line)
    }
    const seed = freshSeed()
    const first = await digests(seed)
    expect(first).toHaveLength(6)
    expect(await digests(seed), `seed ${seed}`).toEqual(first)
    expect(new Set([...first, ...(await digests(seed + 6))]).size).toBe(12)
  })

  test.each([
    [['--seed', 'x'], '--seed takes a whole number'],
    [['--keep', '1-x'], '--keep takes numbers of operations'],
    [['--seconds', '0'], '--seconds takes a number above 0'],
    [['--colour'], "Unknown option '--colour'"],
  ])('refuses %s', { timeout: minutes }, async (words, text) => {
    const { code, stdout } = await simulate(...words)
    expect([code, stdout]).toEqual([2, expect.stringContaining(text)])
  })
})

describe('the mutations', () => {
  test('can all be made, and some of each kind are caught', { timeout: 10 * minutes }, async () => {
    const chosen = ['no-barrier-after-entries', 'area-index-off-by-one', 'ring-wakes-nobody', 'window-keeps-its-keys']
    const { code, stdout } = await run('mutations/main.js', ...chosen.flatMap((name) => ['--only', name]))
    expect(code, stdout).toBe(0)
    expect(stdout).toContain(`${chosen.length} of ${chosen.length} are caught within 120 s each`)
  })
})

describe('scenarios', async () => {
  const failures = JSON.parse((await run('scenarios/main.js')).stdout) as Record<string, string[]>
  test.each(scenarios.map(({ name }) => name))('%s', (name) => {
    expect(failures[name]).toEqual([])
  })
})
