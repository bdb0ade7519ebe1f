/**
 * Control messages, carried out between turns: a worker's view of the volumes follows the coordinator's. An origin changes
 * only while it is drained, so no piece here belongs to it.
 */
import { assert, present } from '../src/base/assert.js'
import { sectorsToBytes } from '../src/base/units.js'
import { geometryOf } from '../src/format/geometry.js'
import { flushFailuresOf, isDirect } from '../src/io/block-file.js'
import { blockFileFrom } from '../src/io/make-block-file.js'
import { CommitCursor } from '../src/shm/commit-cursor.js'
import { ExceptionMap } from '../src/shm/exception-map.js'
import { FlushFailures } from '../src/shm/flush-failures.js'
import { placeOfDevice } from '../src/shm/gate-words.js'
import { MergeWindow } from '../src/shm/merge-window.js'
import { countStripeFailure } from '../src/shm/stripe-failures.js'
import {
  type ControlFrame,
  type ControlMessage,
  decodeControl,
  type SnapshotOnWire,
} from '../src/wire/control-message.js'
import { type FileOnWire, fileFromWire } from '../src/wire/file-on-wire.js'
import { routeFromWire } from '../src/wire/route.js'
import type { WorkerContext } from './context.js'
import { VolumeFile } from './nested.js'
import { recover } from './recover.js'
import { keyBytesWithoutSnapshots, orderSnapshots, type SnapshotView, startMerging, stopMerging } from './views.js'

/** Takes the next frame from the worker's port, if there is one. */
export type ReceiveFrame = () => ControlFrame | undefined

/** True if a control message waits. */
export const hasMail = (ctx: WorkerContext): boolean => ctx.signals.hasMail(ctx.worker)

/** Carries out every message that waits, and says how many have been. */
export function carryOutControl(ctx: WorkerContext, receive: ReceiveFrame): void {
  const posted = ctx.signals.controlPosted(ctx.worker)
  let done = ctx.signals.controlDone(ctx.worker)
  if (done === posted) return
  while (done !== posted) {
    const frame = receive()
    // The count may run ahead of the port by a moment; the bell has been rung, so the rest comes next time round.
    if (frame === undefined) break
    carryOut(ctx, decodeControl(frame), frame.buffers)
    done++
  }
  ctx.signals.setControlDone(ctx.worker, done)
  ctx.signals.client.ring()
}

function carryOut(ctx: WorkerContext, message: ControlMessage, buffers: readonly SharedArrayBuffer[]): void {
  switch (message.kind) {
    case 'attach-origin':
      ctx.volumes[message.volume] = {
        kind: 'origin',
        volume: message.volume,
        ...fileFrom(ctx, message.file, buffers),
        sizeBytes: message.sizeBytes,
        nested: message.nested,
        refusesDiscards: message.refusesDiscards,
        snapshots: [],
        merging: undefined,
        keyBytes: keyBytesWithoutSnapshots,
        committedInTurn: 0,
      }
      break
    case 'change-origin': {
      const origin = ctx.volume(message.volume)
      assert(origin.kind === 'origin', 'change-origin names an origin')
      Object.assign(origin, fileFrom(ctx, message.file, buffers))
      origin.sizeBytes = message.sizeBytes
      origin.nested = message.nested
      break
    }
    case 'change-snapshot': {
      const snapshot = ctx.volume(message.volume)
      assert(snapshot.kind === 'snapshot', 'change-snapshot names a snapshot')
      Object.assign(snapshot, cowFrom(ctx, message.cow, buffers))
      break
    }
    case 'attach-snapshot':
      attachSnapshot(ctx, message.snapshot, buffers)
      break
    case 'detach-snapshot': {
      const snapshot = ctx.volume(message.volume)
      assert(snapshot.kind === 'snapshot', 'detach-snapshot names a snapshot')
      const { merging, snapshots } = snapshot.origin
      if (merging?.snapshot === snapshot) stopMerging(snapshot.origin)
      const others = snapshots.filter((other) => other !== snapshot)
      orderSnapshots(snapshot.origin, others)
      ctx.volumes[message.volume] = undefined
      break
    }
    case 'detach-origin':
      ctx.volumes[message.volume] = undefined
      break
    case 'nested-scratch':
      if (message.worker === ctx.worker) ctx.nestedScratch = message.offsets
      break
    case 'recover':
      recover(ctx, message.runner + 1, message.claimed, message.deadOwners)
      break
    case 'device': {
      const { device } = message
      ctx.devices[placeOfDevice(device.number)] = { ...device, route: routeFromWire(device.route) }
      break
    }
    case 'device-gone':
      ctx.devices[placeOfDevice(message.number)] = undefined
      break
    case 'stop':
      ctx.stopped = true
      break
    case 'sync':
      break
  }
}

function attachSnapshot(ctx: WorkerContext, wire: SnapshotOnWire, buffers: readonly SharedArrayBuffer[]): void {
  const origin = ctx.volume(wire.origin)
  assert(origin.kind === 'origin', 'a snapshot is attached to an origin')
  const view: SnapshotView = {
    kind: 'snapshot',
    volume: wire.volume,
    origin,
    ...cowFrom(ctx, wire.cow, buffers),
    sizeBytes: wire.sizeBytes,
    geometry: geometryOf(wire.chunkSectors),
    chunkBytes: sectorsToBytes(wire.chunkSectors),
    map: new ExceptionMap(wire.mapBuffers.map((index) => present(buffers[index], 'map segment'))),
    cursor: new CommitCursor(present(buffers[wire.cursorBuffer], 'commit cursor')),
    persistent: wire.kind === 'persistent',
    overflows: wire.overflows,
    discards: wire.discards,
    barriers: wire.barriers,
    dataIndexOffset: wire.dataIndexOffset,
    metadataUnitBytes: wire.metadataUnitBytes,
    endPosition: 0,
    endForCowBytes: -1,
    sizeSeenInTurn: -1,
    firstJob: -1,
    lastJob: -1,
  }
  ctx.volumes[wire.volume] = view
  if (wire.windowBuffer === undefined) orderSnapshots(origin, [...origin.snapshots, view])
  else startMerging(origin, view, new MergeWindow(present(buffers[wire.windowBuffer], 'merge window')))
}

function cowFrom(ctx: WorkerContext, wire: FileOnWire, buffers: readonly SharedArrayBuffer[]) {
  const { file, flushFailures, isDirect } = fileFrom(ctx, wire, buffers)
  return { cow: file, cowFlushFailures: flushFailures, cowIsDirect: isDirect }
}

function fileFrom(ctx: WorkerContext, wire: FileOnWire, buffers: readonly SharedArrayBuffer[]) {
  const descriptor = fileFromWire(wire, buffers)
  const parts = {
    volume: (volume: number) => new VolumeFile(ctx, volume),
    stripeFailed: (failures: SharedArrayBuffer, column: number) => {
      if (countStripeFailure(failures, column)) ctx.signals.raiseEvent()
    },
  }
  const file = blockFileFrom(descriptor, ctx.arena, parts, ctx.fileTurns)
  return { file, flushFailures: new FlushFailures(flushFailuresOf(descriptor)), isDirect: isDirect(descriptor) }
}
