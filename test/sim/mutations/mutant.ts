/** A copy of the compiled code with one thing broken in it, and what the simulator says of it. */
import { type ChildProcess, fork } from 'node:child_process'
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Mutation } from './mutation-list.js'
import type { Progress } from './try-seeds.js'

const dist = fileURLToPath(new URL('../../../', import.meta.url))
/** What the simulator needs of it. */
const parts = ['src', 'workers', 'test/sim', 'test/support']
/** A run takes a second or two; one that takes so long does not end. */
const runMsMax = 300_000

let trials = 0

export interface Trial {
  readonly firstSeed: number
  /** Of processor time. */
  readonly seconds: number
  readonly runs: number
}

export type Outcome =
  | {
      readonly kind: 'caught'
      readonly seed: number
      readonly runs: number
      readonly seconds: number
      readonly text: string
    }
  | { readonly kind: 'survived'; readonly runs: number; readonly seconds: number }
  /** The process of the simulation ended, or never did, and the simulator said nothing. */
  | { readonly kind: 'unreported'; readonly seed: number; readonly runs: number; readonly text: string }

/** Fails if the text to be replaced is not there exactly once: the code has moved on. */
export function mutated(text: string, { file, find, name, replace }: Mutation): string {
  const count = text.split(find).length - 1
  if (count !== 1) throw new Error(`${name} is stale: '${find}' occurs ${count} times in ${file}`)
  return text.replace(find, () => replace)
}

export function checkAll(mutations: readonly Mutation[]): void {
  for (const mutation of mutations) mutated(readFileSync(join(dist, mutation.file), 'utf8'), mutation)
}

/** Without a mutation: the engine as it is. */
export async function tryOut(mutation: Mutation | undefined, trial: Trial): Promise<Outcome> {
  const folder = join(dist, 'mutants', `${mutation?.name ?? 'unbroken'}-${++trials}`)
  rmSync(folder, { recursive: true, force: true })
  try {
    for (const part of parts) {
      cpSync(join(dist, part), join(folder, part), { recursive: true, filter: (path) => !/\.(map|d\.ts)$/.test(path) })
    }
    if (mutation !== undefined) {
      const file = join(folder, mutation.file)
      writeFileSync(file, mutated(readFileSync(file, 'utf8'), mutation))
    }
    return await outcomeOf(folder, trial)
  } finally {
    if (existsSync(folder)) rmSync(folder, { recursive: true })
  }
}

function outcomeOf(folder: string, { firstSeed, runs, seconds }: Trial): Promise<Outcome> {
  const script = join(folder, 'test/sim/mutations/try-seeds.js')
  const child = fork(script, [`${firstSeed}`, `${seconds}`, `${runs}`], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
  return new Promise((resolve) => {
    let last: Progress = { seed: firstSeed, runs: 0, seconds: 0 }
    const timer = setTimeout(() => child.kill('SIGKILL'), runMsMax)
    const words = lastWords(child)
    child.on('message', (progress) => {
      last = progress as Progress
      timer.refresh()
    })
    child.on('close', (code) => {
      clearTimeout(timer)
      const { failure, seed } = last
      if (failure !== undefined) resolve({ ...last, kind: 'caught', text: firstLine(failure) })
      else if (code === 0) resolve({ ...last, kind: 'survived' })
      else resolve({ kind: 'unreported', seed, runs: last.runs, text: code === null ? 'it did not end' : words() })
    })
  })
}

/** What a process that failed had to say. */
function lastWords({ stderr }: ChildProcess): () => string {
  let text = ''
  stderr?.on('data', (bytes) => {
    text = `${text}${bytes}`.slice(-4000)
  })
  return () => firstLine(/^\w*Error.*$/m.exec(text)?.[0] ?? text)
}

const firstLine = (text: string): string => text.trim().split('\n', 1)[0] ?? ''
