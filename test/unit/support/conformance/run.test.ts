import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { KnownDifference } from '../../../support/conformance/differences.js'
import { plainSystem } from '../../../support/conformance/plain-system.js'
import { runFolder } from '../../../support/conformance/run.js'
import type { Recorded } from '../../../support/recording.js'

const prepared: Recorded = { t: 'prep', dev: 'o', do: 'linear', sectors: 8 }
const read = (res: string): Recorded => ({ t: 'io', dev: 'o', op: 'r', off: 0, len: 8, res })
describe('running a folder of recordings', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'cowring-recordings-'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  const put = (name: string, records: readonly Recorded[]): void => {
    const lines = records.map((record) => `${JSON.stringify(record)}\n`).join('')
    writeFileSync(join(folder, `${name}.jsonl.gz`), gzipSync(lines))
  }

  async function run(known: readonly KnownDifference[] = []): Promise<{ passed: boolean; lines: readonly string[] }> {
    let text = ''
    const print = (more: string): void => {
      text += more
    }
    const passed = await runFolder({ folder, known, start: plainSystem, print })
    return { passed, lines: text.trimEnd().split('\n') }
  }

  test('tells of each, its differences under it, and the sums at the end', async () => {
    put('good', [prepared, read('ok')])
    put('bad', [prepared, read('EIO')])
    put('idle', [prepared])
    mkdirSync(join(folder, 'inside'))
    put('inside/bad', [prepared, read('EIO')])
    expect(await run()).toEqual({
      passed: false,
      lines: [
        'failed  bad',
        '  record 1, r on o, 8 sectors at 0:',
        '    expected EIO',
        '    found    ok',
        'passed  good',
        'skipped idle (nothing is compared in it)',
        '1 skipped',
        '1 passed, 1 failed',
      ],
    })
  })

  test('a difference that is listed is none, and one that did not occur is named', async () => {
    put('bad', [prepared, read('EIO')])
    const listed: KnownDifference = { asked: { aspect: 'request', op: 'r' }, kernel: 'EIO', ours: 'ok', reason: 'such' }
    const other: KnownDifference = { asked: { aspect: 'request', op: 'w' }, kernel: 'EIO', ours: 'ok', reason: 'so' }
    expect(await run([listed, other])).toEqual({
      passed: true,
      lines: ['passed  bad', 'listed, but not met in these recordings: so', '1 passed, 0 failed'],
    })
  })

  test('a file that is no recording fails', async () => {
    writeFileSync(join(folder, 'broken.jsonl.gz'), 'no gzip')
    put('good', [prepared, read('ok')])
    const { passed, lines } = await run()
    expect([passed, lines[0], lines.at(-1)]).toEqual([false, 'failed  broken', '1 passed, 1 failed'])
  })

  test('a folder without recordings does not pass', async () => {
    expect(await run()).toEqual({ passed: false, lines: ['0 passed, 0 failed'] })
  })
})
