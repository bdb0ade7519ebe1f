/**
 * A folder of its own to measure in, and the files in it. Removed at the end, also after Ctrl-C.
 */
import { randomBytes } from 'node:crypto'
import {
  closeSync,
  fdatasyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  statfsSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'

const mib = 2 ** 20
/** Source: statfs(2). */
const tmpfsType = 0x01021994

/** Those that are not yet removed, in this process. */
const inUse = new Set<Workplace>()

export class Workplace implements Disposable {
  readonly folder: string
  readonly originBytes: number
  readonly #origins = new Map<string, string>()

  constructor(parent: string, originBytes: number) {
    mkdirSync(parent, { recursive: true })
    this.folder = mkdtempSync(join(parent, 'cowring-bench-'))
    this.originBytes = originBytes
    inUse.add(this)
  }

  /** Removes what is there, wherever it was made. */
  static removeAll(): void {
    for (const place of inUse) place[Symbol.dispose]()
  }

  path(name: string): string {
    return join(this.folder, name)
  }

  /** An origin with all its blocks in place. The two sides have one each, alike in everything. */
  origin(side: 'floor' | 'engine'): string {
    const known = this.#origins.get(side)
    if (known !== undefined) return known
    const path = this.fill(this.path(`${side}-origin.img`))
    this.#origins.set(side, path)
    return path
  }

  /** Makes a file without holes, of the origin's size by default, on the disk and out of the way of what is measured next. */
  fill(path: string, fileBytes = this.originBytes): string {
    const block = randomBytes(mib)
    const fd = openSync(path, 'w')
    for (let at = 0; at < fileBytes; at += mib) writeSync(fd, block, 0, Math.min(mib, fileBytes - at), at)
    fdatasyncSync(fd)
    closeSync(fd)
    return path
  }

  /**
   * Has the machine put memory behind the next so many bytes that files here take; does nothing for a folder on a disk.
   *
   * A virtual machine's memory is its host's until it is used, and goes back soon after. Getting it costs several times what a copy
   * costs, and would be counted against whoever happens to use it first.
   */
  warmMemory(byteLength: number): void {
    if (statfsSync(this.folder).type !== tmpfsType) return
    const path = this.path('warm')
    const block = Buffer.alloc(mib)
    const fd = openSync(path, 'w')
    for (let at = 0; at < byteLength; at += mib) writeSync(fd, block, 0, mib, at)
    closeSync(fd)
    rmSync(path)
  }

  /** An empty COW with room for every chunk of an origin. */
  makeCow(name: string, chunkBytes: number): string {
    const path = this.path(name)
    writeFileSync(path, '')
    truncateSync(path, this.originBytes + this.originBytes / 16 + 8 * chunkBytes)
    return path
  }

  remove(name: string): void {
    rmSync(this.path(name), { force: true })
  }

  [Symbol.dispose](): void {
    inUse.delete(this)
    rmSync(this.folder, { recursive: true, force: true })
  }
}
