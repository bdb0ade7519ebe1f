/**
 * A folder of our own for a while: in the first place that has the room, and gone afterwards however the program ends,
 * short of SIGKILL.
 */
import { mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { CowringError } from '../index.js'
import { bytes } from './figures.js'

export interface ScratchFolder extends Disposable {
  readonly path: string
}

/** `chosen` is the only candidate when given. */
export function makeScratchFolder(bytesNeeded: number, chosen?: string): ScratchFolder {
  const candidates = chosen === undefined ? [tmpdir(), '/var/tmp', process.cwd()] : [chosen]
  const path = mkdtempSync(join(placeWithRoom(candidates, bytesNeeded), 'cowring-demo-'))
  const remove = (): void => rmSync(path, { recursive: true, force: true, maxRetries: 3 })
  const stopWatching = removeWhenEnded(remove)
  return {
    path,
    [Symbol.dispose]: () => {
      stopWatching()
      remove()
    },
  }
}

function placeWithRoom(candidates: readonly string[], bytesNeeded: number): string {
  const findings: string[] = []
  for (const candidate of new Set(candidates.map((each) => resolve(each)))) {
    const free = freeBytes(candidate)
    if (free !== undefined && free >= bytesNeeded) return candidate
    findings.push(`${candidate} ${free === undefined ? 'cannot be used' : `has ${bytes(free)}`}`)
  }
  throw new CowringError(
    'DEVICE_UNSUPPORTED',
    `the demo needs ${bytes(bytesNeeded)} of free space for its copy and the stores, but ${findings.join(', ')}; ` +
      'choose a folder with --folder DIR',
  )
}

function freeBytes(folder: string): number | undefined {
  try {
    const { bavail, bsize } = statfsSync(folder)
    return bavail * bsize
  } catch {
    return undefined
  }
}

const fatalSignals = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const
type FatalSignal = keyof typeof fatalSignals

/** Also when the reader of our output goes away, as `head` does. */
function removeWhenEnded(remove: () => void): () => void {
  const onSignal = (signal: FatalSignal): void => {
    remove()
    // A live line may have hidden the cursor and cut long lines.
    process.stderr.write(
      `${process.stderr.isTTY ? '\u001b[?25h\u001b[?7h\n' : ''}cowring: interrupted; everything it made is removed\n`,
    )
    process.exit(128 + fatalSignals[signal])
  }
  const onOutputError = (): void => {
    remove()
    process.exit(1)
  }
  const signals = Object.keys(fatalSignals) as FatalSignal[]
  for (const signal of signals) process.once(signal, onSignal)
  process.stdout.once('error', onOutputError)
  return () => {
    for (const signal of signals) process.off(signal, onSignal)
    process.stdout.off('error', onOutputError)
  }
}
