/**
 * The errors of the transmission phase: what a status of the engine is called on the wire, and what is said with it.
 */
import { statusNumbers } from '../../base/errors.js'
import { nbdError } from '../protocol.js'

/** The error a client is told for a status of the seat; 0 for OK. */
export function errorOfStatus(status: number): number {
  switch (status) {
    case statusNumbers.OK:
      return nbdError.ok
    case statusNumbers.READ_ONLY:
      return nbdError.perm
    case statusNumbers.SNAPSHOT_OVERFLOW:
      return nbdError.nospc
    case statusNumbers.DEVICE_CLOSED:
    case statusNumbers.ENGINE_CLOSED:
      return nbdError.shutdown
    case statusNumbers.NOT_SUPPORTED:
      return nbdError.notsup
    default:
      return nbdError.io
  }
}

const encoder = new TextEncoder()

const texts: ReadonlyMap<number, Uint8Array> = new Map(
  (
    [
      [nbdError.perm, 'the export is read-only'],
      [nbdError.io, 'the device has failed'],
      [nbdError.inval, 'the request is not valid here'],
      [nbdError.nospc, 'past the end, or the snapshot is full'],
      [nbdError.overflow, 'too long for one reply'],
      [nbdError.notsup, 'zeroing is no faster than writing here'],
      [nbdError.shutdown, 'the device has been closed'],
    ] as const
  ).map(([error, text]) => [error, encoder.encode(text)]),
)

const nothing = new Uint8Array(0)

export const errorTextBytesMax = Math.max(...[...texts.values()].map((text) => text.length))

/** For people, as UTF-8. */
export const errorText = (error: number): Uint8Array => texts.get(error) ?? nothing
