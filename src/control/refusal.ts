/** A refused command of the mapper: what dmsetup prints about it, and what the kernel's log would say. */
import { errnoName } from '../base/errno-name.js'
import { CowringError, type ErrorCode } from '../base/errors.js'
import { faultErrno, TableFault } from '../targets/table-fault.js'

/** The step of a command that failed, as dmsetup names it. */
export type Ioctl =
  | 'create'
  | 'reload'
  | 'clear'
  | 'suspend'
  | 'resume'
  | 'rename'
  | 'remove'
  | 'wait'
  | 'message'
  | 'table'
  | 'status'
  | 'info'
  | 'deps'
  | 'merge'

interface RefusalFacts {
  readonly ioctl: Ioctl
  readonly device: string
  readonly errno: number
  /** The cause, in a few words. */
  readonly reason: string
  readonly log?: readonly string[]
  readonly code?: ErrorCode
  /** What to do. */
  readonly advice?: string
}

export function refusal(facts: RefusalFacts, cause?: unknown): CowringError {
  const { advice, code, device, errno, ioctl, log, reason } = facts
  const text = `${ioctl} of ${device} failed: ${reason} (${errnoName(errno)})${advice === undefined ? '' : `; ${advice}`}`
  const data = { device, ioctl, errno, reason, ...(log === undefined ? {} : { log }) }
  return new CowringError(code ?? codeOf(errno), text, data, cause)
}

const codeOf = (errno: number): ErrorCode =>
  errno === faultErrno.ENXIO ? 'DEVICE_MISSING' : errno === faultErrno.EBUSY ? 'DEVICE_BUSY' : 'INVALID_ARGUMENT'

/** The same error with the number that dmsetup prints while it creates a device. */
export function withNumber(error: unknown, number: string): unknown {
  if (!(error instanceof CowringError) || error.facts.ioctl !== 'reload') return error
  return new CowringError(error.code, error.message, { ...error.facts, deviceNumber: number }, error.cause)
}

/** A table that was refused, as the kernel's log words it. */
export function tableRefusal(fault: TableFault, device: { name: string; number: string }, line: string): CowringError {
  const type = fault.type ?? line
  const framed = fault.framed ? `${type}: ${fault.message} (-${errnoName(fault.errno)})` : fault.message
  const facts = {
    ioctl: 'reload' as const,
    device: device.name,
    errno: fault.errno,
    reason: fault.framed ? `${type}: ${fault.message}` : fault.message,
    log: [`device-mapper: table: ${device.number}: ${framed}`],
    code: 'TABLE_INVALID' as const,
    advice: 'its tables are as they were, but an inactive one is gone',
  }
  return refusal(facts, fault.cause)
}

/** An error of opening or loading as the fault of a table: the kernel's words for it, ours behind. */
export function faultOf(text: string, error: unknown, errno?: number): TableFault {
  if (!(error instanceof CowringError)) throw error
  const fault = new TableFault(`${text}: ${error.message}`, errno ?? errnoOf(error))
  fault.cause = error
  return fault
}

function errnoOf(error: CowringError): number {
  switch (error.code) {
    case 'COW_NOT_A_STORE':
      return faultErrno.ENXIO
    case 'DEVICE_MISSING':
      return faultErrno.ENODEV
    case 'DEVICE_BUSY':
      return faultErrno.EBUSY
    case 'IO_ERROR':
    case 'COW_TOO_SMALL':
      return faultErrno.EIO
    default:
      return faultErrno.EINVAL
  }
}

export const busy = (ioctl: Ioctl, device: string, reason: string): CowringError =>
  refusal({ ioctl, device, errno: faultErrno.EBUSY, reason })

export const invalid = (ioctl: Ioctl, device: string, reason: string): CowringError =>
  refusal({ ioctl, device, errno: faultErrno.EINVAL, reason })
