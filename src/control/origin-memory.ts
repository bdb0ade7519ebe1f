/**
 * How an origin remembers its persistent snapshots, so that nobody writes to it without them.
 *
 *   a regular file   ORIGIN.cowring, beside the file itself (links resolved)
 *   a block device   $XDG_STATE_HOME/cowring/NAME.cowring (default ~/.local/state), NAME from device-name.ts
 *
 * Guarantees: `save` is atomic and durable: a crash at any step leaves the old list or the new. `load` answers the list that
 * was saved last, or fails; it never answers less than was saved.
 * Requires: the caller holds the origin's lock; one writer at a time. Only snapshots in stores P and PO whose COW has a path
 * are given to it.
 * Leaves out on purpose: whether the COWs exist and what they hold; opening them says so.
 */
import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { homedir } from 'node:os'
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import { assert } from '../base/assert.js'
import { CowringError } from '../base/errors.js'
import { stableDeviceName } from './device-name.js'
import { decode, encode, MalformedMemory, type RememberedSnapshot } from './remembered-snapshots.js'
import { type ReplaceFs, removeFile, replaceFile, syncFolder } from './replace-file.js'

export type { RememberedSnapshot } from './remembered-snapshots.js'

interface Place {
  readonly file: string
  readonly folder: string
  /** The stable name, when the origin is a block device. */
  readonly device?: string
}

export class OriginMemory {
  readonly #originPath: string
  readonly #isBlockDevice: boolean
  readonly #fs: ReplaceFs | undefined
  #place: Place | undefined

  /** Reads and writes nothing yet; the origin's true place is looked up at the first use. `fs` is for tests. */
  static at(originPath: string, isBlockDevice: boolean, fs?: ReplaceFs): OriginMemory {
    return new OriginMemory(originPath, isBlockDevice, fs)
  }

  private constructor(originPath: string, isBlockDevice: boolean, fs: ReplaceFs | undefined) {
    this.#originPath = originPath
    this.#isBlockDevice = isBlockDevice
    this.#fs = fs
  }

  /** Where the memory is kept. Fails with DEVICE_MISSING when the origin is not there. */
  get file(): string {
    return this.#lookUp().file
  }

  /** The remembered snapshots, in the order they were saved; none when there is no memory. Fails with STORE_CORRUPT. */
  load(): RememberedSnapshot[] {
    const { file } = this.#lookUp()
    let text: string
    try {
      text = readFileSync(file, 'utf8')
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return []
      throw this.#corrupt(`cannot be read (${messageOf(error)})`, error)
    }
    try {
      return decode(text)
    } catch (error) {
      if (error instanceof MalformedMemory) throw this.#corrupt(error.message, error)
      throw error
    }
  }

  /**
   * Makes the list durable as it is: a process that was killed in the middle of `save` may have left it in the page cache only.
   * Before anything relies on it. Fails with IO_ERROR.
   */
  settle(): void {
    const { file } = this.#lookUp()
    const folder = dirname(file)
    if (!existsSync(folder)) return
    try {
      syncFolder(folder, this.#fs)
    } catch (error) {
      throw new CowringError(
        'IO_ERROR',
        `cannot make the list of snapshots of ${this.#originPath} in ${folder} durable (${messageOf(error)}); check the device and try again`,
        { path: file, reason: messageOf(error) },
        error,
      )
    }
  }

  /** Remembers exactly these; an empty list removes the file. Fails with IO_ERROR, and then the old or the new list holds. */
  save(snapshots: readonly RememberedSnapshot[]): void {
    const { file, device } = this.#lookUp()
    const text = encode(snapshots, device)
    // Whatever is written must load again, or the origin could not be opened any more.
    const fault = faultOf(text)
    assert(fault === undefined, `the list to save for ${this.#originPath} ${fault}`)
    try {
      if (snapshots.length === 0) removeFile(file, this.#fs)
      else replaceFile(file, text, this.#fs)
    } catch (error) {
      throw new CowringError(
        'IO_ERROR',
        `cannot write the list of snapshots of ${this.#originPath} to ${file} (${messageOf(error)}); ` +
          'make its folder writable and free some space, then try again',
        { path: file, reason: messageOf(error) },
        error,
      )
    }
  }

  /** The absolute path of a COW as it is stored. */
  resolveCow(cow: string): string {
    return resolve(this.#lookUp().folder, cow)
  }

  /**
   * How to store a COW's path: relative when it lies in or below the origin's folder, so that the folder can be moved.
   * Links above the COW are resolved, the COW's own is not: /dev/disk/by-id/NAME outlives what it points to.
   */
  storeCow(absolute: string): string {
    assert(isAbsolute(absolute), `the path of a COW to remember is absolute, not '${absolute}'`)
    const { folder, device } = this.#lookUp()
    const cow = join(trueFolder(dirname(absolute)), basename(absolute))
    if (device !== undefined) return cow
    const fromFolder = relative(folder, cow)
    return fromFolder === '..' || fromFolder.startsWith(`..${sep}`) ? cow : fromFolder
  }

  #lookUp(): Place {
    this.#place ??= this.#isBlockDevice ? placeOfDevice(this.#originPath) : placeOfFile(this.#originPath)
    return this.#place
  }

  #corrupt(what: string, cause: unknown): CowringError {
    const { file } = this.#lookUp()
    return new CowringError(
      'STORE_CORRUPT',
      `the list of snapshots of ${this.#originPath}, ${file}, ${what}; repair it or restore it from a backup. ` +
        'Removing it gives up the snapshots it lists: they are spoiled by the next write to the origin',
      { path: file, device: this.#originPath, reason: what },
      cause,
    )
  }
}

function placeOfFile(originPath: string): Place {
  const origin = truePath(originPath)
  return { file: `${origin}.cowring`, folder: dirname(origin) }
}

function placeOfDevice(originPath: string): Place {
  const origin = truePath(originPath)
  const device = stableDeviceName(origin)
  return { file: join(stateFolder(), `${device}.cowring`), folder: dirname(origin), device }
}

/** A relative XDG_STATE_HOME is to be ignored, says its specification. */
function stateFolder(): string {
  const chosen = process.env.XDG_STATE_HOME
  const base = chosen !== undefined && isAbsolute(chosen) ? chosen : join(homedir(), '.local', 'state')
  return join(base, 'cowring')
}

function truePath(originPath: string): string {
  try {
    return realpathSync(originPath)
  } catch (error) {
    throw new CowringError(
      'DEVICE_MISSING',
      `cannot find the origin ${originPath} (${messageOf(error)}); check the path`,
      { path: originPath, reason: messageOf(error) },
      error,
    )
  }
}

function trueFolder(folder: string): string {
  try {
    return realpathSync(folder)
  } catch {
    return resolve(folder)
  }
}

function faultOf(text: string): string | undefined {
  try {
    decode(text)
    return undefined
  } catch (error) {
    return messageOf(error)
  }
}

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined)
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
