/** A worker's own corner of the arena, divided as the layout says. */
import { copyBytes, metadataBytes, zeroBytes } from '../src/wire/scratch-layout.js'

export class Scratch {
  readonly copyOffset: number
  readonly metadataOffset: number
  readonly zeroOffset: number
  readonly #arena: Uint8Array

  constructor(arena: Uint8Array, offset: number) {
    this.#arena = arena
    this.copyOffset = offset
    this.metadataOffset = offset + copyBytes
    this.zeroOffset = this.metadataOffset + metadataBytes
    arena.fill(0, this.zeroOffset, this.zeroOffset + zeroBytes)
  }

  clearMetadata(byteLength: number): void {
    this.#arena.fill(0, this.metadataOffset, this.metadataOffset + byteLength)
  }

  /** Copies within the arena: lays a caller's bytes over a chunk that was read. */
  overlay(target: number, source: number, byteLength: number): void {
    this.#arena.copyWithin(target, source, source + byteLength)
  }
}
