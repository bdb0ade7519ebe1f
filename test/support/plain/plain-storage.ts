/** What the plain layer reads and writes: files and mapped devices. Offsets and lengths are in bytes; nothing is async. */
import { closeSync, openSync, readSync, writeSync } from 'node:fs'
import { ioError } from './plain-error.js'

export interface PlainStorage {
  /** `major:minor`, as tables show it. */
  readonly number: string
  readonly sectors: number
  read(offset: number, length: number): Uint8Array
  write(offset: number, bytes: Uint8Array): void
}

export class PlainFile implements PlainStorage {
  readonly number: string
  readonly path: string
  /** Files have no end here: whoever prepares a device provides for it. */
  readonly sectors = Number.MAX_SAFE_INTEGER
  readonly #fd: number

  constructor(path: string, number: string) {
    this.path = path
    this.number = number
    this.#fd = openSync(path, 'r+')
  }

  read(offset: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length)
    if (readSync(this.#fd, bytes, 0, length, offset) !== length) throw ioError()
    return bytes
  }

  write(offset: number, bytes: Uint8Array): void {
    if (writeSync(this.#fd, bytes, 0, bytes.length, offset) !== bytes.length) throw ioError()
  }

  close(): void {
    closeSync(this.#fd)
  }
}
