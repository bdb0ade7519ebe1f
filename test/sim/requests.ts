/** Reads, writes, flushes, discards and zeroes, asked for without waiting; each answer is held against the oracle. */
import { CowringError } from '../../src/base/errors.js'
import type { OperationOf } from './operations.js'
import { originDevice, Violation } from './oracle.js'
import { sectorBytes } from './system/simulated-disk.js'
import { mayBeLost, type SimSnapshot, type World } from './world.js'

type Request = OperationOf<'write' | 'zero' | 'discard' | 'read'>
type Target = ReturnType<World['volumes']>[number]

export class Requests {
  readonly #world: World
  inFlight = 0
  answered = 0

  constructor(world: World) {
    this.#world = world
  }

  /** Asks for it; the answer is looked at when it comes. */
  ask(operation: Request | OperationOf<'flush'>): void {
    const targets = this.#world.volumes()
    const target = targets[Math.floor(operation.volume * targets.length)]
    if (target === undefined) return
    if (operation.kind === 'flush') {
      this.#flush(target)
      return
    }
    const { sector, sectors } = this.#place(operation, target)
    if (operation.kind === 'read') this.#read(target, sector, sectors)
    else this.#write(operation.kind, target, sector, sectors)
  }

  /** Answers of an engine that is gone will not come. */
  forget(): void {
    this.inFlight = 0
  }

  #place({ at, isAligned, sectors }: Request, { snapshot }: Target): { sector: number; sectors: number } {
    const all = this.#world.plan.sectors
    const unit = isAligned ? (snapshot?.chunkSectors ?? this.#world.snapshots[0]?.chunkSectors ?? 1) : 1
    const sector = Math.floor((at * all) / unit) * unit
    return { sector, sectors: Math.min(all - sector, Math.ceil(sectors / unit) * unit) }
  }

  #read({ device, snapshot, volume }: Target, sector: number, sectors: number): void {
    const { oracle } = this.#world
    const announced = oracle.read()
    this.#ask(
      () => volume.read(sector * sectorBytes, sectors * sectorBytes),
      (bytes) => {
        if (this.#world.isUncertain(snapshot)) return
        // What a merging snapshot's handle shows is what its origin shows.
        oracle.mayShow(snapshot?.fate === 'merging' ? originDevice : device, announced, sector, bytes, volume.name)
      },
      (error) => this.#mustBeExcused(error, snapshot, 'read'),
    )
  }

  #write(
    kind: 'write' | 'zero' | 'discard',
    { device, snapshot, volume }: Target,
    sector: number,
    sectors: number,
  ): void {
    const { oracle } = this.#world
    if (snapshot?.fate === 'merging') return
    const write = oracle.write(device, sector, sectors, kind !== 'write')
    const byteOffset = sector * sectorBytes
    const byteLength = sectors * sectorBytes
    this.#ask(
      () => {
        if (kind === 'write') return volume.write(byteOffset, oracle.bytesOf(write))
        return kind === 'zero' ? volume.writeZeroes(byteOffset, byteLength) : volume.discard(byteOffset, byteLength)
      },
      // In a snapshot a discard zeroes what the store has, and nothing else; while one is merged, it may do nothing.
      () => oracle.settle(write, kind !== 'discard' || (device === originDevice && this.#world.merging === undefined)),
      (error) => {
        if (kind === 'discard' && codeOf(error) === 'NOT_SUPPORTED') return oracle.refuse(write)
        if (codeOf(error) === 'WORKER_DIED') oracle.leaveOpen(write)
        else oracle.settle(write, false)
        this.#mustBeExcused(error, snapshot, kind)
      },
    )
  }

  #flush({ device, snapshot, volume }: Target): void {
    const { oracle } = this.#world
    if (snapshot?.fate === 'merging') return
    const announced = oracle.flush()
    const mustFail = device === originDevice && this.#world.hasFlushFailed
    this.#ask(
      () => volume.flush(),
      () => {
        if (mustFail) throw new Violation('a flush of the origin was answered well after one had failed')
        oracle.flushed(device, announced, true)
      },
      (error) => {
        // While a snapshot is merged it may be the store's flush that failed, and what that lost the merge has or has not copied.
        const isOrigins = device === originDevice && this.#world.merging === undefined
        if (isOrigins && codeOf(error) === 'IO_ERROR') this.#world.hasFlushFailed = true
        oracle.flushed(device, announced, false)
        this.#mustBeExcused(error, snapshot, 'flush')
      },
    )
  }

  #ask<Result>(asked: () => Promise<Result>, done: (result: Result) => void, failed: (error: unknown) => void): void {
    const world = this.#world
    const { epoch } = world
    this.inFlight++
    const take = (act: () => void): void => {
      if (world.epoch !== epoch) return
      this.inFlight--
      this.answered++
      world.look(act)
    }
    asked().then(
      (result) => take(() => done(result)),
      (error: unknown) => take(() => failed(error)),
    )
  }

  #mustBeExcused(error: unknown, snapshot: SimSnapshot | undefined, what: string): void {
    const world = this.#world
    const code = codeOf(error)
    if (code === undefined) throw error
    if (code === 'WORKER_DIED' && world.plan.kills) return
    if (code === 'DEVICE_CLOSED' && (world.isClosing || (snapshot !== undefined && snapshot.fate !== 'there'))) return
    if (code === 'READ_ONLY' && snapshot?.fate === 'merging') return
    if (code === 'SNAPSHOT_INVALID' && snapshot !== undefined && mayBeLost(snapshot)) {
      snapshot.isInvalid = true
      return
    }
    if (code === 'SNAPSHOT_OVERFLOW' && snapshot?.store === 'PO' && snapshot.mayFill && what !== 'read') return
    // What an origin shows lies in part in the store that is merged into it.
    const isExcused = world.isOriginExcused || snapshot?.isExcused === true || world.merging?.isExcused === true
    if (code === 'IO_ERROR' && isExcused) return
    throw new Violation(`${what} of ${snapshot?.name ?? 'the origin'} failed: ${String(error)}`)
  }
}

export const codeOf = (error: unknown): string | undefined => (error instanceof CowringError ? error.code : undefined)
