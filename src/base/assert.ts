/**
 * Programmer's mistakes. An assertion that fails is a bug in cowring, never an operating error: it is not caught, and it
 * stays on in production.
 */

export class AssertionFailure extends Error {
  override readonly name = 'AssertionFailure'
}

export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionFailure(message)
}

/** The element a fixed-size array is known to hold; for indexes that the caller has already bounded. */
export function present<T>(value: T | undefined, message: string): T {
  if (value === undefined) throw new AssertionFailure(message)
  return value
}
