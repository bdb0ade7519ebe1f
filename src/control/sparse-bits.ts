/**
 * A set of whole numbers, up to 2^53, that lie in runs: a bit each, in pages that exist only where a number is. A list of a
 * million exceptions costs some hundred kilobytes, whatever the origin's size.
 */

const pageBits = 2 ** 16

export class SparseBits {
  readonly #pages = new Map<number, Uint8Array>()

  has(number: number): boolean {
    const page = this.#pages.get(Math.floor(number / pageBits))
    const bit = number % pageBits
    return page !== undefined && ((page[bit >>> 3] as number) & (1 << (bit & 7))) !== 0
  }

  add(number: number): void {
    const index = Math.floor(number / pageBits)
    let page = this.#pages.get(index)
    if (page === undefined) {
      page = new Uint8Array(pageBits / 8)
      this.#pages.set(index, page)
    }
    const bit = number % pageBits
    page[bit >>> 3] = (page[bit >>> 3] as number) | (1 << (bit & 7))
  }
}
