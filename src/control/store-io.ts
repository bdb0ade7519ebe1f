/**
 * A store's bytes on the control path: a COW read and written through one block of the arena, with errors that say what and
 * where. Long jobs give the event loop a turn between blocks.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { errnoName } from '../base/errno-name.js'
import { CowringError } from '../base/errors.js'

export const blockBytes = 2 ** 20

/** The COW that holds a store, or is to. */
export interface StoreDevice {
  /** Its path, or its name as a mapped device: for messages. */
  readonly name: string
  readonly sizeBytes: number
  readonly blockSectors: number
}

/** How its bytes are reached: a BlockFile, or a volume of the engine where it lies on one. */
export interface StoreFile {
  read(arenaOffset: number, byteLength: number, fileOffset: number): number | Promise<number>
  write(arenaOffset: number, byteLength: number, fileOffset: number): number | Promise<number>
  barrier(): number | Promise<number>
}

export class StoreIo {
  readonly device: StoreDevice
  readonly view: DataView
  readonly bytes: Uint8Array
  readonly #file: StoreFile
  readonly #block: number

  constructor(device: StoreDevice, file: StoreFile, arena: Uint8Array, block: number) {
    this.device = device
    this.#file = file
    this.#block = block
    this.bytes = arena.subarray(block, block + blockBytes)
    this.view = new DataView(arena.buffer, block, blockBytes)
  }

  /** Fills the first `byteLength` bytes of the block from the COW. */
  async read(byteOffset: number, byteLength: number): Promise<void> {
    await nextTurn()
    this.#check('read', await this.#file.read(this.#block, byteLength, byteOffset), byteOffset, byteLength)
  }

  async write(byteOffset: number, byteLength: number): Promise<void> {
    await nextTurn()
    this.#check('write', await this.#file.write(this.#block, byteLength, byteOffset), byteOffset, byteLength)
  }

  async zero(byteOffset: number, byteLength: number): Promise<void> {
    this.bytes.fill(0, 0, Math.min(blockBytes, byteLength))
    for (let done = 0; done < byteLength; done += blockBytes) {
      await this.write(byteOffset + done, Math.min(blockBytes, byteLength - done))
    }
  }

  async barrier(): Promise<void> {
    this.#check('flush', await this.#file.barrier(), 0, 0)
  }

  #check(syscall: string, errno: number, byteOffset: number, byteLength: number): void {
    if (errno === 0) return
    const where = this.device.name
    const text = `cannot ${syscall} ${byteLength} bytes at offset ${byteOffset} of COW ${where} (${errnoName(errno)})`
    throw new CowringError('IO_ERROR', `${text}; check the device and try again`, {
      path: where,
      byteOffset,
      byteLength,
      errno,
      syscall,
    })
  }
}
