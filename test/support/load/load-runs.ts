/** Runs of the built `cowring load` in a folder of their own. */
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { JobResult, LoadResult } from '../../../src/load/result/load-result.js'
import { readTrace } from '../../../src/load/trace/trace-file.js'
import { DaemonUnderTest } from '../daemon-process.js'
import { patternBytes } from '../pattern.js'

export interface Ended {
  readonly code: number | string
  readonly out: string
  readonly err: string
}

export class LoadRuns extends DaemonUnderTest {
  async load(...words: readonly string[]): Promise<Ended> {
    const { code, err, out } = await this.run(['load', ...words])
    return { code, err, out: out.toString() }
  }

  /** Its record; fails if it does not end with `code`. */
  async result(words: readonly string[], code = 0): Promise<LoadResult> {
    const ended = await this.load(...words, '--output-format', 'json')
    if (ended.code !== code) throw new Error(`it ended with ${ended.code}: ${ended.err}\n${failuresOf(ended.out)}`)
    return (JSON.parse(ended.out) as { cowring: LoadResult }).cowring
  }

  at(name: string): string {
    return join(this.folder, name)
  }

  get names(): string[] {
    return readdirSync(this.folder).sort()
  }

  write(name: string, ...lines: readonly string[]): string {
    writeFileSync(this.at(name), lines.join('\n'))
    return name
  }

  /** A file with content that is not the harness' own. */
  image(name: string, sectors = 2048): string {
    writeFileSync(this.at(name), Buffer.from(patternBytes(0, sectors, 1).buffer))
    return name
  }

  /** The requests of a recording, by lane, in the order in which they were due: `w 4096+512`. */
  async recorded(name: string): Promise<Record<number, string[]>> {
    const { batches, isWhole } = await readTrace(this.at(name))
    if (!isWhole) throw new Error(`${name} was cut off`)
    const lanes: Record<number, { at: number; text: string }[]> = {}
    for (const { dueMs, lane, lengths, offsets, operations } of batches) {
      lanes[lane] ??= []
      for (const [index, what] of operations.entries()) {
        lanes[lane].push({ at: dueMs[index] as number, text: `${'rwts'[what]} ${offsets[index]}+${lengths[index]}` })
      }
    }
    return Object.fromEntries(
      Object.entries(lanes).map(([lane, all]) => {
        return [lane, all.toSorted((one, other) => one.at - other.at).map(({ text }) => text)]
      }),
    )
  }
}

const failuresOf = (json: string): string =>
  json
    .split('\n')
    .filter((line) => line.includes('"failure"'))
    .join('\n')

/** Answered, of all directions. */
export const requestsOf = ({ directions }: JobResult): number =>
  Object.values(directions).reduce((sum, { requests }) => sum + requests, 0)
