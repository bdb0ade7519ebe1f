/**
 * A `struct msghdr` and its list of pieces, in memory that does not move, written again for each call.
 *
 *   msghdr   name 8 | its length 4 | - 4 | pieces 8 | how many 8 | control 8 | its length 8 | flags 4 | - 4
 *   iovec    address 8 | length 8
 *
 * Guarantees: no object per call. Pieces that adjoin are one.
 * Requires: a little-endian 64-bit Linux.
 */
import { assert } from '../../base/assert.js'
import { libc } from '../../io/libc.js'

const headerBytes = 56
const pieceBytes = 16
const piecesWord = 4
const countWord = 6
const headerWords = headerBytes / 4
const pieceWords = pieceBytes / 4
const wordValues = 2 ** 32

export class Message {
  /** Of the msghdr. */
  readonly address: number
  byteLength = 0
  readonly #words: Uint32Array
  readonly #piecesMax: number
  #pieces = 0
  /** Where the last piece ends, as an address. */
  #end = 0

  constructor(piecesMax: number) {
    this.#piecesMax = piecesMax
    this.#words = new Uint32Array(new SharedArrayBuffer(headerBytes + piecesMax * pieceBytes))
    this.address = libc().addressOf(new Uint8Array(this.#words.buffer))
    this.#putAddress(piecesWord, this.address + headerBytes)
  }

  get hasPlace(): boolean {
    return this.#pieces < this.#piecesMax
  }

  clear(): void {
    this.#pieces = 0
    this.#end = 0
    this.byteLength = 0
  }

  add(address: number, byteLength: number): void {
    const adjoins = address === this.#end
    if (!adjoins) {
      assert(this.hasPlace, 'a message has place for the piece')
      this.#pieces++
      this.#words[countWord] = this.#pieces
    }
    const piece = headerWords + (this.#pieces - 1) * pieceWords
    if (!adjoins) this.#putAddress(piece, address)
    this.#words[piece + 2] = byteLength + (adjoins ? (this.#words[piece + 2] as number) : 0)
    this.#end = address + byteLength
    this.byteLength += byteLength
  }

  #putAddress(word: number, address: number): void {
    this.#words[word] = address % wordValues
    this.#words[word + 1] = Math.floor(address / wordValues)
  }
}
