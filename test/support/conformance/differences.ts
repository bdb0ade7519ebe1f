/**
 * What a replay finds: differences, each told by what was asked in which state, so that a deliberate one can be listed as
 * narrowly as it can be said.
 */

/** What was asked. Fields that do not apply are left out. */
export interface Asked {
  readonly aspect:
    | 'answer'
    | 'log'
    | 'request'
    | 'data'
    | 'device'
    | 'table'
    | 'status'
    | 'events'
    | 'content'
    | 'image'
    | 'replay'
  /** Of a command: its verb, and the table it gives, one line per target. */
  readonly verb?: string
  readonly table?: string
  /** Of a request: its operation, and the status of its device before it. */
  readonly op?: string
  /** The status of the device, before a request and at a state. */
  readonly status?: string
  /** Whether the device's status was `Overflow` at some time since it was created. */
  readonly overflowed?: 'yes' | 'no'
  /** Whether the origin of the snapshot was resumed after the snapshot became live. */
  readonly originResumed?: 'yes' | 'no'
}

export interface Difference {
  readonly asked: Asked
  /** For people: what it is about. */
  readonly what: string
  readonly expected: string
  readonly found: string
}

export interface FoundDifference extends Difference {
  readonly record: number
}

/** A deliberate difference: what is asked in which state, what the kernel answers, what we answer, and why. */
export interface KnownDifference {
  readonly asked: { readonly [Field in keyof Asked]: Asked[Field] | RegExp }
  readonly kernel: string | RegExp
  readonly ours: string | RegExp
  readonly reason: string
}

export const findKnown = (
  known: readonly KnownDifference[],
  { asked, expected, found }: Difference,
): KnownDifference | undefined =>
  known.find(
    (entry) =>
      Object.entries(entry.asked).every(([field, wanted]) => fits(wanted, asked[field as keyof Asked])) &&
      fits(entry.kernel, expected) &&
      fits(entry.ours, found),
  )

const fits = (wanted: string | RegExp, value: string | undefined): boolean =>
  value !== undefined && (typeof wanted === 'string' ? wanted === value : wanted.test(value))

export const describeDifference = ({ record, what, expected, found }: FoundDifference): string =>
  `record ${record}, ${what}:\n    expected ${expected}\n    found    ${found}`
