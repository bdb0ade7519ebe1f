/**
 * The part of the public API that a replay drives. The engine fits it as it is, and so does the plain engine beside it.
 * Offsets and lengths are in bytes.
 */

export interface VolumeUnderTest {
  read(offset: number, length: number): Promise<Uint8Array>
  write(offset: number, bytes: Uint8Array): Promise<void>
  writeZeroes(offset: number, length: number): Promise<void>
  discard(offset: number, length: number): Promise<void>
  flush(): Promise<void>
}

export interface SnapshotUnderTest extends VolumeUnderTest {
  readonly name: string
  status(): string
  remove(options?: { readonly keepStore?: boolean }): Promise<void>
}

export interface CreateSnapshot {
  readonly cow: string
  readonly chunkSectors?: number
  readonly store?: 'P' | 'PO' | 'N'
  readonly name?: string
}

export interface OriginUnderTest extends VolumeUnderTest {
  readonly sizeBytes: number
  readonly snapshots: readonly SnapshotUnderTest[]
  snapshot(options: CreateSnapshot): Promise<SnapshotUnderTest>
  close(): Promise<void>
}

export interface EngineUnderTest {
  open(path: string, options?: { readonly name?: string }): Promise<OriginUnderTest>
  close(): Promise<void>
}
