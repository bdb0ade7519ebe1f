/** The words of a recording for what a request came to: `ok`, or the errno that a program would have seen. */
import { answerOf } from '../answer-of.js'

const errnoOfCode: Readonly<Record<string, string>> = {
  IO_ERROR: 'EIO',
  SNAPSHOT_INVALID: 'EIO',
  SNAPSHOT_OVERFLOW: 'EIO',
  NOT_SUPPORTED: 'EOPNOTSUPP',
  DEVICE_MISSING: 'ENXIO',
  DEVICE_BUSY: 'EBUSY',
  READ_ONLY: 'EROFS',
  INVALID_ARGUMENT: 'EINVAL',
  OUT_OF_RANGE: 'EINVAL',
}

export async function errnoOf(action: () => Promise<void>): Promise<string> {
  const answer = await answerOf(action)
  return errnoOfCode[answer] ?? answer
}
