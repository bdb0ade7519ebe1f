/**
 * Operating errors: what can go wrong outside the program, one stable code each.
 *
 * Codes are stable, texts are not. A code exists only if a caller could react to it. The number beside a code is what a
 * completion carries across a ring; nothing throws across one.
 */

export const statusNumbers = {
  OK: 0,
  INVALID_ARGUMENT: 1,
  OUT_OF_RANGE: 2,
  READ_ONLY: 3,
  DEVICE_CLOSED: 4,
  DEVICE_BUSY: 5,
  DEVICE_MISSING: 6,
  DEVICE_UNSUPPORTED: 7,
  IO_ERROR: 8,
  SNAPSHOT_INVALID: 9,
  SNAPSHOT_OVERFLOW: 10,
  WORKER_DIED: 11,
  ENGINE_CLOSED: 12,
  ARENA_FULL: 13,
  COW_IS_ORIGIN: 14,
  COW_TOO_SMALL: 15,
  COW_NOT_A_STORE: 16,
  STORE_CORRUPT: 17,
  STORE_VERSION: 18,
  SNAPSHOT_MISSING: 19,
  SNAPSHOT_EXISTS: 20,
  LIMIT_EXCEEDED: 21,
  TABLE_INVALID: 22,
  NOT_SUPPORTED: 23,
} as const

export type ErrorCode = Exclude<keyof typeof statusNumbers, 'OK'>
export type Status = (typeof statusNumbers)[keyof typeof statusNumbers]

const codeOfStatus = new Map<number, ErrorCode>(
  Object.entries(statusNumbers)
    .filter(([code]) => code !== 'OK')
    .map(([code, status]) => [status, code as ErrorCode]),
)

/** What an error is about; every field that is known is filled in. */
export interface ErrorFacts {
  readonly device?: string
  readonly path?: string
  readonly byteOffset?: number
  readonly byteLength?: number
  readonly chunk?: number
  readonly entry?: number
  readonly errno?: number
  readonly syscall?: string
  readonly holder?: string
  readonly snapshot?: string
  readonly reason?: string
  /** Of a refused device-mapper command: what dmsetup calls the step that failed (`reload`, `resume`, `remove`). */
  readonly ioctl?: string
  /** `major:minor`, where dmsetup prints it. */
  readonly deviceNumber?: string
  /** The cause in the form of the kernel's log: `device-mapper: table: 254:2: snapshot: …`. */
  readonly log?: readonly string[]
}

/**
 * The one class of operating errors. `code` is stable and `facts` is data; `message` is for people: what happened, to what,
 * and what to do.
 */
export class CowringError extends Error {
  override readonly name = 'CowringError'
  readonly code: ErrorCode
  readonly facts: ErrorFacts

  constructor(code: ErrorCode, message: string, facts: ErrorFacts = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.facts = facts
  }
}

/** Turns the status of a completion back into its code; `undefined` for OK. */
export const errorCodeOf = (status: number): ErrorCode | undefined => codeOfStatus.get(status)
