/** A pass: a stretch of work that is timed. What both sides of a comparison answer. */

export interface PassResult {
  readonly operations: number
  readonly seconds: number
  /** Of one operation, seen by whoever asked for it; NaN where it was not measured (more than one in flight). */
  readonly medianMicroseconds: number
}

/** One side of a comparison: the floor, or the engine. */
export interface Side {
  /** Makes everything ready for a pass: fresh stores where first writes are measured. Not timed. */
  rewind(): Promise<void>
  /** Works for `seconds`, or until every chunk has had its first write. */
  pass(seconds: number): Promise<PassResult>
  close(): Promise<void>
}
