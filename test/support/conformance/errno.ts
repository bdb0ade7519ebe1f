/** The words of a recording for what a request came to: `ok`, or the errno that a program would have seen. */

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

/** An error without a code is no answer: it is passed on. */
export async function errnoOf(action: () => Promise<void>): Promise<string> {
  try {
    await action()
    return 'ok'
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') throw error
    return errnoOfCode[error.code] ?? error.code
  }
}
