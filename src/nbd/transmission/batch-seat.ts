/**
 * What the transmission phase uses of a seat: batches of requests on one device, carried out on the calling thread.
 *
 * `Seat` is one; tests bring their own. What each call promises is documented there.
 */
export interface BatchSeat {
  readonly arena: Uint8Array
  readonly bufferOffset: number
  readonly bufferBytes: number
  /** By the tag of a begun write, after `finish`; place 0 is nobody's. */
  readonly status: Int32Array
  readonly extentBytes: number

  enter(device: number): number
  leave(): void

  // Between the two, on the device that was entered. What answers a number answers a status, if nothing else is said.
  sizeBytes(): number
  isReadOnly(): boolean
  read(arenaOffset: number, byteLength: number, byteOffset: number): number
  /** Tags count from 1. */
  beginWrite(tag: number, arenaOffset: number, byteLength: number, byteOffset: number): void
  /** Carries out what was begun. */
  finish(): void
  write(arenaOffset: number, byteLength: number, byteOffset: number): number
  flush(): number
  zero(byteLength: number, byteOffset: number): number
  discard(byteLength: number, byteOffset: number): number
  /** Whether reads and writes need not be whole sectors. */
  takesBytes(): boolean
  holdSectors(): void
  freeSectors(): void

  // How the device goes on there, for `extentBytes`.
  isHole(byteOffset: number, byteLength: number): boolean
  depth(byteOffset: number, byteLength: number): number
  dirty(snapshotDevice: number, byteOffset: number, byteLength: number): number
}
