/** What is wrong with a table: the kernel's words and errno, and where. */

export const faultErrno = { ENXIO: 6, EACCES: 13, EBUSY: 16, ENODEV: 19, EINVAL: 22, EIO: 5 } as const

export class TableFault extends Error {
  readonly errno: number
  /** True when the kernel's log names the target and the errno around the text, as it does for all but a few. */
  readonly framed: boolean
  /** The target's type, where it is not the one of the line that is being built. */
  readonly type: string | undefined

  constructor(text: string, errno: number = faultErrno.EINVAL, framed = true, type?: string) {
    super(text)
    this.errno = errno
    this.framed = framed
    this.type = type
  }
}
