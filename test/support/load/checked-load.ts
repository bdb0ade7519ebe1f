/** Runs of `cowring load` as a user starts them, and faulty servers for them. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { LoadResult, VerificationResult } from '../../../src/load/result/load-result.js'
import { CowringProcess } from '../daemon-process.js'
import type { FaultReport } from './planted-fault.js'

const serverMain = new URL('../../../dist/test/support/load/faulty-server-main.js', import.meta.url).pathname

export interface CheckedLoad {
  readonly code: number | string
  readonly result: LoadResult
  readonly verification: VerificationResult
}

/** A folder for images, job files and sockets. */
export class LoadFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'cowring-load-'))
  readonly #servers: ChildProcess[] = []

  at(name: string): string {
    return join(this.path, name)
  }

  /** Begins one; resolves when it has ended by itself. */
  async load(...words: readonly string[]): Promise<CheckedLoad> {
    const outcome = await new CowringProcess(['load', '--output-format', 'json', ...words], this.path).ended
    const text = outcome.out.toString()
    if (!text.startsWith('{')) throw new Error(`cowring load ended with ${outcome.code}: ${text}${outcome.err}`)
    const result = JSON.parse(text).cowring as LoadResult
    if (result.verification === null) throw new Error('nothing was verified')
    return { code: outcome.code, result, verification: result.verification }
  }

  /** A server in a process of its own; its reports come into the list. */
  async faultyServer(bytes: number, fault: string): Promise<{ uri: string; reports: FaultReport[] }> {
    const socket = this.at(`socket-${this.#servers.length}`)
    const child = spawn(process.execPath, [serverMain, socket, String(bytes), fault], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    this.#servers.push(child)
    const reports: FaultReport[] = []
    const lines = createInterface({ input: child.stdout })
    const ready = once(lines, 'line')
    await ready
    lines.on('line', (line) => reports.push(JSON.parse(line)))
    return { uri: `nbd+unix:///?socket=${socket}`, reports }
  }

  async close(): Promise<void> {
    for (const child of this.#servers) {
      child.kill()
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    }
    rmSync(this.path, { recursive: true, force: true })
  }
}
