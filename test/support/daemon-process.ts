/** A daemon in a process and a folder of its own, and commands against it: in processes, or through its socket from here. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DaemonClient } from '../../src/cli/daemon/client.js'
import { linkThrough } from '../../src/cli/dmsetup/link.js'
import { runDmsetup } from '../../src/cli/dmsetup/run.js'

export const cowringMain = new URL('../../dist/src/cli/main.js', import.meta.url).pathname

export interface Outcome {
  /** The exit code, or the signal that ended it. */
  readonly code: number | string
  readonly out: Buffer
  readonly err: string
}

/** A process of cowring that runs: its output so far, and its end. */
export class CowringProcess {
  readonly child: ChildProcess
  readonly ended: Promise<Outcome>
  #out: Buffer[] = []
  err = ''

  constructor(words: readonly string[], folder: string, environment: NodeJS.ProcessEnv = {}) {
    const env = { ...process.env, XDG_RUNTIME_DIR: folder, ...environment }
    this.child = spawn(process.execPath, [cowringMain, ...words], { cwd: folder, env })
    this.child.stdout?.on('data', (piece: Buffer) => this.#out.push(piece))
    this.child.stderr?.on('data', (piece: Buffer) => {
      this.err += piece
    })
    this.ended = new Promise((resolve) => {
      this.child.once('close', (code, signal) => resolve({ code: code ?? signal ?? '', out: this.out, err: this.err }))
    })
  }

  get out(): Buffer {
    return Buffer.concat(this.#out)
  }

  /** Until it has printed this; fails if it ends first. */
  async printed(text: string): Promise<void> {
    const isOver = this.ended.then(() => true)
    while (!this.out.includes(text)) {
      const isEnd = await Promise.race([isOver, new Promise<false>((resolve) => setTimeout(() => resolve(false), 5))])
      if (isEnd && !this.out.includes(text))
        throw new Error(`it ended before it printed '${text}':\n${this.out}${this.err}`)
    }
  }
}

export class DaemonUnderTest {
  readonly folder = mkdtempSync(join(tmpdir(), 'cowring-daemon-'))
  readonly socket = join(this.folder, 'cowring.sock')
  readonly #processes: CowringProcess[] = []
  #client: DaemonClient | undefined

  /** Starts `cowring` with these words; killed at the end if it still runs. */
  start(...words: readonly string[]): CowringProcess {
    const started = new CowringProcess(words, this.folder)
    this.#processes.push(started)
    return started
  }

  /** Starts a daemon and waits until it listens. */
  async daemon(...words: readonly string[]): Promise<CowringProcess> {
    const daemon = this.start('daemon', '--workers', '1', ...words)
    await daemon.printed('listens on')
    return daemon
  }

  /** Runs `cowring` to its end. */
  async run(words: readonly string[], input: string | Uint8Array = ''): Promise<Outcome> {
    const running = this.start(...words)
    running.child.stdin?.on('error', () => {})
    running.child.stdin?.end(input)
    return running.ended
  }

  /** Runs a dmsetup line from here, through the daemon's socket. */
  async dm(words: readonly string[], input = ''): Promise<{ code: number; out: string; err: string }> {
    const client = this.#client ?? (await DaemonClient.connect(this.socket))
    this.#client = client
    let out = ''
    let err = ''
    const code = await runDmsetup(words, {
      mapper: linkThrough((verb, given) => client.call(verb, given)),
      stdout: (text) => {
        out += text
      },
      stderr: (text) => {
        err += text
      },
      stdin: async () => input,
      folder: this.folder,
    })
    return { code, out, err }
  }

  /** A file of zeroes in the folder. */
  file(name: string, sectors: number): string {
    const path = join(this.folder, name)
    writeFileSync(path, '')
    truncateSync(path, sectors * 512)
    return path
  }

  async close(): Promise<void> {
    this.#client?.close()
    for (const { child, ended } of this.#processes) {
      child.kill('SIGKILL')
      await ended
    }
    rmSync(this.folder, { recursive: true, force: true })
  }
}
