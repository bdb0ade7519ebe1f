/** Refusals of the plain layer, with what dmsetup needs to print them. */
import { CowringError } from 'cowring'

const errnos = { EIO: 5, ENXIO: 6, EBUSY: 16, ENODEV: 19, EINVAL: 22 } as const

export type PlainErrno = keyof typeof errnos

export const ioError = (): CowringError => new CowringError('IO_ERROR', 'a device failed', { errno: errnos.EIO })

export const notSupported = (): CowringError => new CowringError('NOT_SUPPORTED', 'the target cannot do this')

/** A target that was refused: the cause as the kernel logs it, without the device's number. */
export class TargetRefusal extends Error {
  readonly errno: PlainErrno
  /** Printed as `TARGET: CAUSE (-ERRNO)`, or as it is when it is not a target's. */
  readonly ofTarget: boolean

  constructor(errno: PlainErrno, cause: string, ofTarget = true) {
    super(cause)
    this.errno = errno
    this.ofTarget = ofTarget
  }
}

/** A command that was refused: `ioctl` is the step that dmsetup names. */
export function refusal(
  ioctl: string,
  errno: PlainErrno,
  { deviceNumber, log = [] }: { deviceNumber?: string; log?: readonly string[] } = {},
): CowringError {
  const facts = { ioctl, errno: errnos[errno], log, ...(deviceNumber === undefined ? {} : { deviceNumber }) }
  return new CowringError(errno === 'ENXIO' ? 'DEVICE_MISSING' : 'TABLE_INVALID', `${ioctl} refused: ${errno}`, facts)
}
