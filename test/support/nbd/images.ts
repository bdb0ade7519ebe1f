/** Images for tests of the server: sparse files with a pattern that says where each sector belongs. */
import { closeSync, ftruncateSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { patternBytes } from '../pattern.js'

export const mebibyte = 2 ** 20

/** Memory where the system has it as a folder. */
const fastFolder = statSync('/dev/shm', { throwIfNoEntry: false })?.isDirectory() === true ? '/dev/shm' : tmpdir()

export class ImageFolder {
  readonly path = mkdtempSync(join(fastFolder, 'cowring-nbd-'))

  at(name: string): string {
    return join(this.path, name)
  }

  content(name: string): Buffer {
    return readFileSync(this.at(name))
  }

  /** A file of holes but for `ranges` of bytes, which have the pattern of `salt`. */
  image(name: string, byteLength: number, ranges: readonly (readonly [number, number])[], salt = 1): string {
    const fd = openSync(this.at(name), 'w')
    ftruncateSync(fd, byteLength)
    for (const [start, end] of ranges) writeSync(fd, pattern(start, end - start, salt), 0, end - start, start)
    closeSync(fd)
    return this.at(name)
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true })
  }
}

/** The pattern of so many bytes at an offset; both whole sectors. */
export function pattern(byteOffset: number, byteLength: number, salt: number): Buffer {
  return Buffer.from(patternBytes(byteOffset / 512, byteLength / 512, salt).buffer)
}
