/**
 * What a simulated disk does wrong: errors once or for ever, calls that do less than they were asked, bits that flip in a read, and
 * writes that go nowhere or elsewhere.
 */

export type DiskCall = 'read' | 'write' | 'barrier' | 'allocate' | 'resize'

export type Misdeed =
  /** The call answers an errno. A write may have written a part of its sectors by then. */
  | { readonly kind: 'error'; readonly errno: number }
  /** The call moves some of the bytes, and says how many. */
  | { readonly kind: 'short' }
  /** The call was interrupted before it did anything. */
  | { readonly kind: 'interrupted' }
  /** The call takes so long. */
  | { readonly kind: 'slow'; readonly ms: number }
  /** A bit of what was read is wrong; the medium is right. */
  | { readonly kind: 'flip' }
  /** The write is answered as done, and is not. */
  | { readonly kind: 'lost' }
  /** The write is answered as done, and lies somewhere else. */
  | { readonly kind: 'misdirected' }

export interface Fault {
  readonly call: DiskCall
  readonly misdeed: Misdeed
  /** So many such calls go well before. */
  after: number
  /** So many go wrong then. */
  times: number
}

/** Those that lie about what they did: no check of a format without checksums can find all that comes of them. */
export const isLie = ({ kind }: Misdeed): boolean => kind === 'flip' || kind === 'lost' || kind === 'misdirected'

export class Faults {
  #faults: Fault[] = []

  add(fault: Fault): void {
    this.#faults.push({ ...fault })
  }

  heal(): void {
    this.#faults = []
  }

  /** What befalls this call. */
  next(call: DiskCall): Misdeed | undefined {
    for (const fault of this.#faults) {
      if (fault.call !== call) continue
      if (fault.after > 0) {
        fault.after--
        continue
      }
      if (--fault.times <= 0) this.#faults = this.#faults.filter((other) => other !== fault)
      return fault.misdeed
    }
    return undefined
  }
}
