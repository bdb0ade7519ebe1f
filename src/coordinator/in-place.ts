/** Requests on the caller's own thread, as a volume asks for them. Each answers a status; none throws, none waits for this thread. */
export interface InPlace {
  /** Fills `into` from `offset` on. */
  read(device: number, offset: number, into: Uint8Array): number
  write(device: number, offset: number, bytes: Uint8Array): number
  flush(device: number): number
  zero(device: number, offset: number, byteLength: number): number
  discard(device: number, offset: number, byteLength: number): number
  /** Of the last call. */
  readonly lastErrno: number
}

/** Where a volume's requests in place go. */
export interface PlaceFacts {
  /** The number that its device has for such requests. */
  numbered(): number
  inPlace(): InPlace
}
