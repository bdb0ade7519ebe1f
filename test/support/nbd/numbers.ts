/** Numbers drawn from a seed. */

export interface Numbers {
  /** A whole number from 0 on, less than `limit`. */
  below(limit: number): number
  /** True in `percent` of a hundred draws. */
  chance(percent: number): boolean
  pick<const Each>(from: readonly [Each, ...Each[]]): Each
  bytes(byteLength: number): Buffer
}

/** Mulberry32: small, and good enough for choosing. */
export function numbersOf(seed: number): Numbers {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (limit: number): number => Math.floor(next() * limit)
  return {
    below,
    chance: (percent) => next() * 100 < percent,
    pick: (from) => from[below(from.length)] ?? from[0],
    bytes: (byteLength) => Buffer.from(Array.from({ length: byteLength }, () => below(256))),
  }
}
