/** L1 to L3: who holds keys, in which order, and for how long; and P2: whether a read that fell through has looked again. */
import { statusNumbers } from '../../../src/base/errors.js'
import { storeState } from '../../../src/shm/commit-cursor.js'
import type { ExceptionMap } from '../../../src/shm/exception-map.js'
import { LockTable, mergeOwner } from '../../../src/shm/lock-table.js'
import { operation } from '../../../src/wire/operation.js'
import type { WorkerContext } from '../../../workers/context.js'
import { originOf, type SnapshotView } from '../../../workers/views.js'
import { Violation } from '../oracle.js'
import { SimulatedThread } from '../system/simulated-thread.js'
import type { World } from '../world.js'
import type { Probes } from './probes.js'

const stripes = new LockTable(new SharedArrayBuffer(4))
const firstMergeOwner = mergeOwner(0)

/** What a worker has read and looked up since its last answer. */
interface Track {
  readonly reads: { readonly start: number; readonly end: number; readonly at: number }[]
  readonly looks: { readonly map: ExceptionMap; readonly chunk: number }[]
}

export class KeyRules implements Probes {
  readonly #world: World
  readonly #ownerOf = new Map<number, number>()
  readonly #tracks = new WeakMap<WorkerContext, Track>()

  constructor(world: World) {
    this.#world = world
  }

  /** Watches the answers of a new worker. */
  watch(ctx: WorkerContext): void {
    const track: Track = { reads: [], looks: [] }
    this.#tracks.set(ctx, track)
    const answer = ctx.answer.bind(ctx)
    ctx.answer = (extent, status, errno) => {
      if (status === statusNumbers.OK && ctx.extents.operation[extent] === operation.read)
        this.#world.look(() => this.#readAnswered(ctx, track, extent))
      track.reads.length = 0
      track.looks.length = 0
      answer(extent, status, errno)
    }
  }

  /** A worker has read a part of the origin. */
  originRead(start: number, byteLength: number): void {
    const track = this.#trackOfRunning()
    track?.reads.push({ start, end: start + byteLength, at: track.looks.length })
  }

  lookedUp(map: ExceptionMap, chunk: number): void {
    this.#trackOfRunning()?.looks.push({ map, chunk })
  }

  published(): void {
    if (!this.#world.schedule.isQuiet) this.#world.files.comesTo('publish')
  }

  held(stripe: number, owner: number): void {
    // What is left of a dead process holds nothing that counts.
    if (!this.#world.schedule.isProcessAlive) return
    const last = this.#ownerOf.get(stripe)
    if (last === owner) return
    this.#world.look(() => {
      if (last !== undefined) throw new Violation(`L1: stripe ${stripe} is held by ${last} and by ${owner}`)
      if (owner < firstMergeOwner) return
      for (const [other, holder] of this.#ownerOf) {
        if (holder === owner && other > stripe)
          throw new Violation(`L2: a merge takes stripe ${stripe} while it holds ${other}`)
      }
    })
    this.#ownerOf.set(stripe, owner)
  }

  freed(stripe: number): void {
    this.#ownerOf.delete(stripe)
    this.#world.look(() => {
      for (const { ctx, hasEnded } of this.#world.schedule.threads) {
        if (hasEnded) continue
        for (const volume of ctx.volumes) if (volume?.kind === 'snapshot') this.#mustHaveCommitted(volume, stripe)
        return
      }
    })
  }

  /** The process has ended. */
  clear(): void {
    this.#ownerOf.clear()
  }

  #mustHaveCommitted(snapshot: SnapshotView, stripe: number): void {
    const { chunkBytes, cursor, map, persistent } = snapshot
    const origin = originOf(snapshot)
    if (!persistent || cursor.state() >= storeState.invalidating || origin.merging?.snapshot === snapshot) return
    for (let position = cursor.committed(); position < cursor.claimed(); position++) {
      const oldChunk = cursor.oldChunkAt(position)
      // What is published is on disk; the cursor follows.
      if (oldChunk < 0 || map.lookUp(oldChunk) >= 0) continue
      const key = Math.floor((oldChunk * chunkBytes) / origin.keyBytes)
      if (stripes.stripeOf(origin.volume, key) === stripe) {
        throw new Violation(
          `L3: the key of chunk ${oldChunk} is freed while position ${position} is claimed for it and not committed`,
        )
      }
    }
  }

  #readAnswered(ctx: WorkerContext, { looks, reads }: Track, extent: number): void {
    const volume = ctx.volumes[ctx.extents.volume[extent] as number]
    if (volume?.kind !== 'snapshot') return
    const from = ctx.extents.byteOffset[extent] as number
    const to = from + (ctx.extents.byteLength[extent] as number)
    const { chunkBytes, map } = volume
    for (const { at, end, start } of reads) {
      if (start < from || end > to) continue
      for (let chunk = Math.floor(start / chunkBytes); chunk * chunkBytes < end; chunk++) {
        if (looks.some((look, index) => index >= at && look.chunk === chunk && look.map === map)) continue
        throw new Violation(`P2: a read of chunk ${chunk} fell through to the origin and did not look again`)
      }
    }
  }

  #trackOfRunning(): Track | undefined {
    const { running } = this.#world.schedule.sleepers
    return running instanceof SimulatedThread && !this.#world.schedule.isQuiet
      ? this.#tracks.get(running.ctx)
      : undefined
  }
}
