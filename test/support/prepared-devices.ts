/**
 * The devices that a recording prepares, as files in a folder of their own.
 *
 * Storage is zero the first time, and stays the same storage when a device is prepared again with another size. What a
 * smaller size cuts off is lost, which no recording looks at: they initialise a device that they prepare again.
 */

import { closeSync, ftruncateSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { patternBytes } from './pattern.js'
import type { PrepRecord } from './recording.js'

const cowFiller = 0xa5
const clearedBytes = 4096
/** What tells a blank COW from one that holds something. */
const magicBytes = 4

export type CowState = 'blank' | 'written' | 'missing'

export class PreparedDevices {
  private readonly folder = mkdtempSync(join(fastFolder(), 'cowring-replay-'))

  path(device: string): string {
    return join(this.folder, device)
  }

  content(device: string): Buffer {
    return readFileSync(this.path(device))
  }

  prepare(record: PrepRecord): void {
    if (record.do === 'linear' || record.do === 'grow') this.resize(record.dev, record.sectors)
    else if (record.do === 'fill') this.overwrite(record.dev, patternBytes(0, this.sectors(record.dev), record.salt))
    else if (record.do === 'cowinit') this.overwrite(record.dev, initialCow(this.sectors(record.dev)))
    else throw new Error(`${record.dev} cannot be given another table`)
  }

  /** What a new snapshot finds on its COW: nothing, something, or no device. */
  cowState(device: string): CowState {
    if (statSync(this.path(device), { throwIfNoEntry: false }) === undefined) return 'missing'
    return this.content(device)
      .subarray(0, magicBytes)
      .every((byte) => byte === 0)
      ? 'blank'
      : 'written'
  }

  /** Does `action` while the COW looks blank, and puts its first bytes back: to a transient store they are free space. */
  async blankedDuring(device: string, action: () => Promise<void>): Promise<void> {
    const first = this.content(device).subarray(0, magicBytes)
    this.overwrite(device, new Uint8Array(magicBytes))
    await action()
    this.overwrite(device, first)
  }

  /** Makes a device of exactly these bytes. */
  fill(device: string, bytes: Uint8Array): void {
    this.resize(device, bytes.length / 512)
    this.overwrite(device, bytes)
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }

  private sectors(device: string): number {
    return statSync(this.path(device)).size / 512
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
