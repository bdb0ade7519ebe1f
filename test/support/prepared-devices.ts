/** Devices for tests, as files in a folder of their own. */

import { closeSync, ftruncateSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const cowFiller = 0xa5
const clearedBytes = 4096

export class PreparedDevices {
  private readonly folder = mkdtempSync(join(fastFolder(), 'cowring-replay-'))

  path(device: string): string {
    return join(this.folder, device)
  }

  content(device: string): Buffer {
    return readFileSync(this.path(device))
  }

  /** Makes a device of exactly these bytes. */
  fill(device: string, bytes: Uint8Array): void {
    this.resize(device, bytes.length / 512)
    this.overwrite(device, bytes)
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }

  private resize(device: string, sectors: number): void {
    const fd = openSync(this.path(device), 'a')
    ftruncateSync(fd, sectors * 512)
    closeSync(fd)
  }

  private overwrite(device: string, bytes: Uint8Array): void {
    const fd = openSync(this.path(device), 'r+')
    writeSync(fd, bytes, 0, bytes.length, 0)
    closeSync(fd)
  }
}

/** A COW as the recordings start it: a byte that is nothing, except where a store looks for an old one. */
export const initialCow = (sectors: number): Uint8Array =>
  new Uint8Array(sectors * 512).fill(cowFiller).fill(0, 0, clearedBytes)

/** Memory where the system has it as a folder: the replays read and write gigabytes. */
function fastFolder(): string {
  return statSync('/dev/shm', { throwIfNoEntry: false })?.isDirectory() ? '/dev/shm' : tmpdir()
}
