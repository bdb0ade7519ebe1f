/**
 * What the prepared devices keep their content in: one sparse file each, in a folder of their own, in memory where the
 * system has memory as a folder. Zeroes at first; a device that is prepared again finds what it held, because a file only
 * ever grows.
 */
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export class DeviceStorage implements Disposable {
  readonly #folder = mkdtempSync(join(fastFolder(), 'cowring-conformance-'))

  get folder(): string {
    return this.#folder
  }

  path(device: string): string {
    return join(this.#folder, device)
  }

  /** Makes the file of a device at least this long. */
  provide(device: string, sectors: number): void {
    const present = statSync(this.path(device), { throwIfNoEntry: false })?.size ?? -1
    if (present >= sectors * 512) return
    const fd = openSync(this.path(device), 'a')
    ftruncateSync(fd, sectors * 512)
    closeSync(fd)
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

const fastFolder = (): string =>
  statSync('/dev/shm', { throwIfNoEntry: false })?.isDirectory() ? '/dev/shm' : tmpdir()
