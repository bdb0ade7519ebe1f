/**
 * Other programs: run to their end, or started and ended later. Whatever still runs when this process ends is killed, so
 * that neither an error nor Ctrl-C leaves a server behind.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Nothing here takes a tenth of that; a client whose server went silent would wait for ever. */
const runMsMax = 120_000

/** What is kept of what a program says: enough for the lines that tell why it failed. fio has one for each request. */
const complaintCharactersMax = 4096
const complaintLinesMax = 2

const running = new Set<ChildProcess>()
process.on('exit', killAll)

export function killAll(): void {
  for (const child of running) child.kill('SIGKILL')
}

export function isInstalled(program: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

/** Runs a program to its end and answers what it wrote to standard output; throws with its last words if it failed. */
export async function run(program: string, words: readonly string[]): Promise<string> {
  const started = start(program, words)
  let output = ''
  started.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  const timer = setTimeout(() => started.child.kill('SIGKILL'), runMsMax)
  const end = await started.ended
  clearTimeout(timer)
  if (end !== 'exit code 0') throw new Error(`${program}: ${end}: ${started.complaint() || 'it said nothing'}`)
  return output
}

export interface Started {
  readonly child: ChildProcess
  /** How it ended, in words; resolves once all of its output has been taken in. */
  readonly ended: Promise<string>
  /** The last of what it wrote to standard error. */
  complaint(): string
}

export function start(program: string, words: readonly string[], environment: Record<string, string> = {}): Started {
  const child = spawn(program, words, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...environment },
  })
  running.add(child)
  let complaint = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(-complaintCharactersMax)
  })
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => {
      running.delete(child)
      resolve(`not started: ${error.message}`)
    })
    child.once('close', (code, signal) => {
      running.delete(child)
      resolve(code === null ? `ended by ${signal}` : `exit code ${code}`)
    })
  })
  return { child, ended, complaint: () => complaint.trim().split('\n').slice(-complaintLinesMax).join(' / ') }
}
