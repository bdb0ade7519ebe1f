/** Seeded random numbers for tests of threads, whose failures print how to replay them as far as threads allow. */

/** Numbers in [0, 1) from a 32-bit seed. */
export function random(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export const seedOfRun = (): number => Number(process.env.SEED ?? Date.now() % 2 ** 31)

/** Runs `act`; a failure says with which seed, and which command uses it again. */
export async function replayable(file: string, seed: number, act: () => Promise<void>): Promise<void> {
  try {
    await act()
  } catch (error) {
    throw new Error(`seed ${seed}; again with SEED=${seed} npx vitest run test/threads/${file}`, { cause: error })
  }
}
