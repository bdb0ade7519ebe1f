/** A pass: a stretch of work that is timed. What both sides of a comparison answer. */

export interface PassResult {
  readonly operations: number
  readonly seconds: number
  /** Of one operation, seen by whoever asked for it; NaN where it was not measured (more than one in flight). */
  readonly medianMicroseconds: number
}

/** One side of a comparison: the floor, the engine, or a rival. */
export interface Side {
  /** True for a program that takes long to start: it has one pass in a round, not many short ones. */
  readonly isWhole?: boolean
  /** Makes everything ready for a pass: fresh stores where first writes are measured. Not timed. */
  rewind(): Promise<void>
  /** Works for `seconds`, or until every chunk has had its first write. */
  pass(seconds: number): Promise<PassResult>
  close(): Promise<void>
}
