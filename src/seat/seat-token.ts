/** What a seat's thread and the coordinator's tell each other. */
import type { MessagePort } from 'node:worker_threads'
import type { ControlFrame, WorkerStart } from '../wire/control-message.js'

/**
 * What a thread needs to take its seat, made by `engine.share()`. It can be posted to another thread if `port` is in the transfer list;
 * one token serves one thread.
 */
export interface SeatToken {
  readonly port: MessagePort
  readonly start: WorkerStart
  /** The part of the arena that is this seat's alone. */
  readonly ownOffset: number
  readonly ownBytes: number
  /** Where a request that was passed on is answered: see CallWords. */
  readonly calls: SharedArrayBuffer
}

/** A request that only the workers can carry out: the seat's thread waits for the answer, in CallWords. */
export interface ForwardedRequest {
  readonly kind: 'forward'
  readonly device: number
  readonly operation: number
  readonly byteOffset: number
  readonly byteLength: number
  readonly arenaOffset: number
}

export type SeatCall =
  | ForwardedRequest
  /** A device by name. Answered on the port: the device is opened by a change of the mapper, after others. */
  | { readonly kind: 'open'; readonly id: number; readonly name: string; readonly readOnly: boolean }
  /** The thread needs the seat no more. */
  | { readonly kind: 'leave' }
  /** What was opened by the call of that number. */
  | { readonly kind: 'close'; readonly id: number; readonly opened: number }

export interface CallAnswer {
  readonly kind: 'answer'
  readonly id: number
  readonly opened?: OpenedDevice
  readonly error?: { readonly code: string; readonly message: string; readonly facts: object }
}

export interface OpenedDevice {
  readonly device: number
  readonly name: string
  readonly sizeBytes: number
  readonly readOnly: boolean
}

/** What comes on a seat's port. */
export type SeatMail = ControlFrame | CallAnswer

export const isAnswer = (mail: SeatMail): mail is CallAnswer => 'kind' in mail
