/** File systems of a test's own, for tests that run as root; `mayMount` tells whether they can be had. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export class Mounts {
  readonly folder = mkdtempSync(join(tmpdir(), 'cowring-mounts-'))
  readonly #mounted: string[] = []

  /** A tmpfs with room for so many bytes. */
  tmpfs(name: string, byteLength: number): string {
    const at = this.#point(name)
    run('mount', '-t', 'tmpfs', '-o', `size=${byteLength}`, 'none', at)
    this.#mounted.push(at)
    return at
  }

  /** The same files as `folder` has, and nobody can write to them here. */
  readOnly(name: string, folder: string): string {
    const at = this.#point(name)
    run('mount', '--bind', folder, at)
    this.#mounted.push(at)
    run('mount', '-o', 'remount,ro,bind', at)
    return at
  }

  /** Unmounts all of them, and removes what is left. Nothing in them may be open. */
  end(): void {
    for (const at of this.#mounted.splice(0).reverse()) run('umount', at)
    rmSync(this.folder, { recursive: true })
  }

  #point(name: string): string {
    const at = join(this.folder, name)
    mkdirSync(at)
    return at
  }
}

export const mayMount = (() => {
  const mounts = new Mounts()
  try {
    mounts.readOnly('bound', mounts.tmpfs('small', 65536))
    return true
  } catch {
    return false
  } finally {
    mounts.end()
  }
})()

function run(command: string, ...words: string[]): void {
  const { status, stderr } = spawnSync(command, words, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${command} ${words.join(' ')}: ${stderr}`)
}
