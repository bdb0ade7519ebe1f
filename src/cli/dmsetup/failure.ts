/**
 * How a dmsetup command fails: lines for standard error, in dmsetup's own form, with the precise cause before them.
 *
 *   device-mapper: table: 254:2: snapshot: requires 4 or more arguments (-EINVAL)     the cause, as the kernel's log has it
 *   device-mapper: reload ioctl on t (254:2) failed: Invalid argument                 what dmsetup prints
 *   Command failed.                                                                   printed once, by runDmsetup
 */
import { CowringError } from '../../index.js'
import { enxio, strerror } from './strerror.js'

/** What follows the lines of a failure: the usage, or one of dmsetup's two last lines. */
export type FailureEnding = 'Command failed.' | "Couldn't process command line." | 'usage'

/** A command that cannot go on. */
export class DmsetupFailure extends Error {
  override readonly name = 'DmsetupFailure'
  readonly lines: readonly string[]
  readonly ending: FailureEnding

  constructor(lines: string | readonly string[], ending: FailureEnding = 'Command failed.') {
    const all = typeof lines === 'string' ? [lines] : lines
    super(all.join('\n'))
    this.lines = all
    this.ending = ending
  }
}

/** The command line itself cannot be understood. */
export const badLine = (line: string): DmsetupFailure => new DmsetupFailure(line, "Couldn't process command line.")

/** Runs one step of a command: what dmsetup calls an ioctl. Its refusal comes out in dmsetup's form. */
export async function ioctl<T>(name: string, device: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step()
  } catch (error) {
    throw error instanceof CowringError ? refusal(error, name, device) : error
  }
}

/** As `ioctl`; a device that is missing comes out as `info` and `status` say it. */
export async function query<T>(name: string, device: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step()
  } catch (error) {
    if (isAbsence(error)) throw new DmsetupFailure('Device does not exist.')
    throw error instanceof CowringError ? refusal(error, name, device) : error
  }
}

/** Steps that dmsetup calls by another name than the mapper's verb. */
const ioctlNames: Readonly<Record<string, string>> = { wait: 'waitevent' }

function refusal(error: CowringError, name: string, device: string): DmsetupFailure {
  const { facts } = error
  const ioctlName = facts.ioctl === undefined ? name : (ioctlNames[facts.ioctl] ?? facts.ioctl)
  const pair = facts.deviceNumber === undefined ? '' : `(${facts.deviceNumber})`
  const reason = facts.errno === undefined ? error.message : strerror(facts.errno)
  const line = `device-mapper: ${ioctlName} ioctl on ${facts.device ?? device} ${pair} failed: ${reason}`
  return new DmsetupFailure([...causeOf(error, device), line])
}

/** What the kernel's log would say; where it would be silent, the reason, unless the last line says it all. */
function causeOf({ facts }: CowringError, device: string): readonly string[] {
  if (facts.log !== undefined) return facts.log
  if (facts.reason === undefined || facts.errno === undefined || facts.errno === enxio) return []
  return [`cowring: ${facts.device ?? device}: ${facts.reason}`]
}

const isAbsence = (error: unknown): boolean =>
  error instanceof CowringError && (error.facts.errno === enxio || error.code === 'DEVICE_MISSING')
