/**
 * A set of whole numbers up to 2^53, a bit each: 32 neighbours share a slot of 12 bytes in a hash table that is between a
 * quarter and half full.
 *
 * Guarantees: numbers that lie in runs cost one to two bytes each, and any others at most 48 (72 while the table grows),
 * whatever their size: three times what an entry takes on disk, so no list can ask for memory out of proportion to its file.
 * The hash is keyed at random, so that no list can be written for which looking up is slow.
 */

const slotBits = 32
const empty = -1
const randomOdd = (): number => Math.floor(Math.random() * 2 ** 32) | 1
const lowKey = randomOdd()
const highKey = randomOdd()

export class SparseBits {
  /** Which 32 numbers a slot is for. */
  #groups = new Float64Array(64).fill(empty)
  #bits = new Uint32Array(64)
  #used = 0

  has(number: number): boolean {
    const group = Math.floor(number / slotBits)
    const slot = this.#slotOf(group)
    return this.#groups[slot] === group && ((this.#bits[slot] as number) & bitOf(number)) !== 0
  }

  add(number: number): void {
    const group = Math.floor(number / slotBits)
    let slot = this.#slotOf(group)
    if (this.#groups[slot] === empty) {
      if (2 * (this.#used + 1) > this.#groups.length) {
        this.#grow()
        slot = this.#slotOf(group)
      }
      this.#groups[slot] = group
      this.#used++
    }
    this.#bits[slot] = (this.#bits[slot] as number) | bitOf(number)
  }

  /** The slot of a group, or the empty one where it would go. */
  #slotOf(group: number): number {
    const mask = this.#groups.length - 1
    let slot = hash(group) & mask
    for (;;) {
      const found = this.#groups[slot]
      if (found === group || found === empty) return slot
      slot = (slot + 1) & mask
    }
  }

  #grow(): void {
    const groups = this.#groups
    const bits = this.#bits
    this.#groups = new Float64Array(2 * groups.length).fill(empty)
    this.#bits = new Uint32Array(2 * groups.length)
    for (let from = 0; from < groups.length; from++) {
      const group = groups[from] as number
      if (group === empty) continue
      const slot = this.#slotOf(group)
      this.#groups[slot] = group
      this.#bits[slot] = bits[from] as number
    }
  }
}

const bitOf = (number: number): number => 1 << (number % slotBits)

function hash(group: number): number {
  const low = Math.imul(group >>> 0, lowKey)
  const high = Math.imul(Math.floor(group / 2 ** 32), highKey)
  const mixed = Math.imul((low ^ (low >>> 15)) + high, 0x2c1b3c6d)
  return (mixed ^ (mixed >>> 13)) >>> 0
}
