/**
 * Takes one side of a hand-over apart at its atomic operations, and puts the other side between two of them: what no two threads can be
 * made to do at will, one thread can.
 */
const names = ['add', 'and', 'compareExchange', 'exchange', 'load', 'or', 'store', 'sub'] as const

/**
 * Runs `one`, and `other` right after its operation number `after` on any of these memories, or at the end if there are fewer.
 * 0 is before the first of them. How many operations `one` had.
 */
export function interleaved(
  memories: readonly SharedArrayBuffer[],
  one: () => void,
  after: number,
  other: () => void,
): number {
  let count = 0
  let isDone = false
  let isComing = false
  const come = (): void => {
    isDone = true
    isComing = true
    other()
    isComing = false
  }
  if (after === 0) come()
  const originals = names.map((name) => [name, Atomics[name]] as const)
  for (const [name, original] of originals) {
    const watched = (array: Int32Array, ...rest: number[]): unknown => {
      const result = Reflect.apply(original, Atomics, [array, ...rest])
      if (memories.includes(array.buffer as SharedArrayBuffer) && !isComing) {
        count++
        if (count === after) come()
      }
      return result
    }
    Object.assign(Atomics, { [name]: watched })
  }
  try {
    one()
  } finally {
    for (const [name, original] of originals) Object.assign(Atomics, { [name]: original })
  }
  if (!isDone) come()
  return count
}
