/** Bytes that look random and are the same every time: a function of a seed. */

/** Fills `into`, whose length and start are multiples of four, from the stream of `seed`. */
export function fillPattern(into: Uint8Array, seed: number): void {
  const words = new Uint32Array(into.buffer, into.byteOffset, into.byteLength / 4)
  let state = seed | 0 || 1
  for (let index = 0; index < words.length; index++) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    words[index] = state
  }
}

/** One seed from several numbers; neighbours get seeds far apart. */
export function seedOf(...parts: readonly number[]): number {
  let seed = 0x811c9dc5
  for (const part of parts) {
    seed = Math.imul(seed ^ part, 0x01000193)
    seed = Math.imul(seed ^ (seed >>> 15), 0x2c1b3c6d)
    seed ^= seed >>> 13
  }
  return seed
}
