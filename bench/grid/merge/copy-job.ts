/** What the floor of a merge copies. Plain data: it crosses to the thread. */
import type { BlockFileDescriptor } from '../../../src/io/block-file.js'

export interface CopyJob {
  readonly cow: BlockFileDescriptor
  readonly origin: BlockFileDescriptor
  /** As `rangesOf` has them. */
  readonly ranges: Float64Array<SharedArrayBuffer>
}
