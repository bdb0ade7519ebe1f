/** What a request is checked for before anything is done, and how a failed one is told; the same for every kind of volume. */
import { CowringError, type ErrorCode, errorCodeOf } from '../base/errors.js'
import { sectorBytes } from '../base/units.js'
import { operation } from '../wire/operation.js'

const verbs: Record<number, string> = {
  [operation.read]: 'read',
  [operation.write]: 'write',
  [operation.flush]: 'flush',
  [operation.discard]: 'discard',
  [operation.zero]: 'zeroing',
}

/** A system says once that it could not write something back, and takes it for written from then on. */
const whatAFlushLoses =
  'what was written before may not be durable, and no later flush can tell until it is opened again'

/** The error of a range that is no whole sectors, or not inside; `undefined` if it is. */
export function rangeRefusal(
  name: string,
  sizeBytes: number,
  byteOffset: number,
  byteLength: number,
): CowringError | undefined {
  const whole = Number.isSafeInteger(byteOffset) && byteOffset % sectorBytes === 0 && byteLength % sectorBytes === 0
  const facts = { device: name, byteOffset, byteLength }
  if (!whole || byteOffset < 0 || !(byteLength >= 0)) {
    const text = `${name}: offset ${byteOffset} and length ${byteLength} must be multiples of ${sectorBytes} bytes`
    return new CowringError('INVALID_ARGUMENT', text, facts)
  }
  if (byteOffset + byteLength > sizeBytes) {
    const text = `${name}: ${byteLength} bytes at offset ${byteOffset} reach past its end at ${sizeBytes}`
    return new CowringError('OUT_OF_RANGE', text, facts)
  }
  return undefined
}

export interface FailedRequest {
  readonly operation: number
  readonly byteOffset: number
  readonly byteLength: number
  readonly status: number
  readonly errno: number
}

/** `explain` says what a code means for this volume and what to do about it. */
export function failureOf(
  name: string,
  { byteLength, byteOffset, errno, operation: asked, status }: FailedRequest,
  explain: (code: ErrorCode, errno: number) => string,
): CowringError {
  const code: ErrorCode = errorCodeOf(status) ?? 'IO_ERROR'
  const verb = verbs[asked] ?? 'request'
  const where = asked === operation.flush ? '' : ` of ${byteLength} bytes at offset ${byteOffset}`
  const lost = asked === operation.flush && code === 'IO_ERROR' ? `${whatAFlushLoses}; ` : ''
  const facts = { device: name, byteOffset, byteLength, ...(errno === 0 ? {} : { errno }) }
  return new CowringError(code, `${name}: ${verb}${where} failed: ${lost}${explain(code, errno)}`, facts)
}
