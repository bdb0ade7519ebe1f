/**
 * A seat: a thread's place in the engine, where it runs turns itself. A request is carried out by the code that workers run, on
 * the state that they share, without a hop.
 *
 *     enter     begin to run, hear what has changed, wait for the device's gate
 *     begin…    requests of this batch; what needs no copy is done at once
 *     finish    turns, until nothing is left in hand
 *     leave     at rest: devices may be suspended, tables swapped, snapshots taken
 *
 * Guarantees: at rest it holds no key, no claim and no place in any device. Nothing is allocated per request.
 * Requires: one batch at a time; offsets and lengths inside the device and in whole sectors (of reads and writes: where files need
 * that), which is asserted; no caller's code that may block between `enter` and `leave`.
 */
import { receiveMessageOnPort } from 'node:worker_threads'
import { readNow, writeNow } from '../../workers/at-once.js'
import { carryOutControl, hasMail } from '../../workers/control.js'
import { needsKeys } from '../../workers/origin-write.js'
import { SeatContext, tagCount } from '../../workers/seat-context.js'
import { countedAs } from '../../workers/turn.js'
import { type DeviceView, needsAlignment, originOf, type VolumeView } from '../../workers/views.js'
import { assert, present } from '../base/assert.js'
import { statusNumbers } from '../base/errors.js'
import { sectorBytes } from '../base/units.js'
import { CallWords } from '../shm/call-words.js'
import { GateWords, gateState, placeOfDevice } from '../shm/gate-words.js'
import { RestWords } from '../shm/rest-words.js'
import { SectorLock } from '../shm/sector-lock.js'
import type { ControlFrame, WorkerStart } from '../wire/control-message.js'
import { discardBytesMax, extentBytes, extentBytesMax, operation } from '../wire/operation.js'
import { newPlace, VolumeRoute } from '../wire/route.js'
import { extentAt } from './extent-at.js'
import { type CallAnswer, type ForwardedRequest, isAnswer, type SeatMail, type SeatToken } from './seat-token.js'
import { SeatTurns, type SeatWait } from './seat-turns.js'

/** The seat's own place for bytes that cannot be where the caller has them; one extent. */
export const stagingBytes = extentBytesMax
const pageBytes = 4096

/** What is answered where the short way does not lead to the end. */
export const notShort = -1
/** No device's number. */
const none = -1

export interface SeatParts {
  readonly start: WorkerStart
  readonly ownOffset: number
  /** Of these the last `stagingBytes` are the seat's, the rest its caller's. */
  readonly ownBytes: number
  readonly receive: () => ControlFrame | undefined
  /** Passes a request on that only workers can carry out, and waits for it; without it such requests are refused. */
  readonly forward?: (request: ForwardedRequest) => CallWords
  readonly wait?: SeatWait
}

/** One of so many requests that need no key is timed: two looks at the clock are a tenth of a small one. */
const timedEvery = 16
export class Seat {
  readonly arena: Uint8Array
  /** The part of the arena that is this seat's caller's, page-aligned. */
  readonly bufferOffset: number
  readonly bufferBytes: number
  /** By tag, after `finish`: a number of `statusNumbers`, and the system's errno where that says more. */
  readonly status: Int32Array
  readonly errno: Int32Array
  /** Of the last call that answered a status. */
  lastErrno = 0
  /** Of the last call that asked how a device goes on. */
  extentBytes = 0
  readonly #ctx: SeatContext
  readonly #turns: SeatTurns
  readonly #rests: RestWords
  readonly #gates: GateWords
  readonly #sectors: SectorLock
  readonly #receive: () => ControlFrame | undefined
  /** Frames that came another way than through `#receive`, and were not carried out yet. */
  readonly #taken: ControlFrame[] = []
  readonly #forward: ((request: ForwardedRequest) => CallWords) | undefined
  readonly #stagingOffset: number
  readonly #place = newPlace()
  /** False of the coordinator's own seat. */
  readonly #mayWait: boolean
  #requests = 0
  /** The ends of files are looked at in one of so many batches, where a batch is one small request: looking costs a tenth of it. */
  looksEvery = 1
  #batches = 0
  /** What the last batch was on, and what that leads to; until something is heard. */
  #shortDevice = none
  #shortBytes = 0
  #shortIsReadOnly = false
  #shortVolume: VolumeView | undefined
  #device: DeviceView | undefined
  #letGo: (() => void) | undefined

  /** On the thread that is to use it. Control messages that wait are carried out with the first batch. */
  static take({ calls, ownBytes, ownOffset, port, start }: SeatToken): Seat {
    const words = new CallWords(calls)
    const seat = new Seat({
      start,
      ownOffset,
      ownBytes,
      receive: () => {
        for (;;) {
          const mail: SeatMail | undefined = receiveMessageOnPort(port)?.message
          if (mail === undefined || !isAnswer(mail)) return mail
          seat.onAnswer?.(mail)
        }
      },
      forward: (request) => {
        words.begin()
        port.postMessage(request)
        words.wait()
        return words
      },
    })
    seat.#letGo = () => {
      // A thread that goes on to block at once closes its port only when it comes back to its event loop.
      port.postMessage({ kind: 'leave' })
      port.close()
    }
    return seat
  }

  /** Answers of the coordinator's thread that came among control messages. */
  onAnswer: ((answer: CallAnswer) => void) | undefined

  constructor({ forward, ownBytes, ownOffset, receive, start, wait }: SeatParts) {
    const ctx = new SeatContext(start)
    this.#ctx = ctx
    this.#receive = () => this.#taken.shift() ?? receive()
    this.#mayWait = wait === undefined
    this.#turns = new SeatTurns(ctx, this.#receive, wait, () => {
      this.#shortDevice = none
    })
    this.#rests = new RestWords(start.memory.rests)
    this.#gates = new GateWords(start.memory.gates)
    this.#sectors = new SectorLock(start.memory.sectors)
    this.#forward = forward
    this.arena = ctx.arena
    this.bufferOffset = ownOffset
    this.bufferBytes = ownBytes - stagingBytes
    this.#stagingOffset = ownOffset + this.bufferBytes
    this.status = ctx.status
    this.errno = ctx.errno
  }

  /**
   * Gives the seat back; nothing may be done with it afterwards. What is in hand, because something threw in the middle of a batch,
   * is finished by a worker, as if this thread had died.
   */
  close(): void {
    this.#letGo?.()
  }

  // ── a batch ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Begins a batch on one device. Blocks while that is suspended. Answers OK; or DEVICE_CLOSED, or WORKER_DIED of an engine that has
   * failed, and then there is no `leave`.
   */
  enter(device: number): number {
    for (;;) {
      const status = this.tryEnter(device)
      if (status !== statusNumbers.DEVICE_BUSY) return status
      this.#gates.wait(device)
    }
  }

  /** The same, but answers DEVICE_BUSY while the device is suspended. */
  tryEnter(device: number): number {
    assert(this.#device === undefined, 'one batch at a time')
    this.#rests.begin(this.#ctx.worker) // S1
    if (hasMail(this.#ctx)) this.#listen()
    if (this.#ctx.stopped) {
      this.#rest()
      return statusNumbers.WORKER_DIED
    }
    const gate = this.#gates.read(device) // S1
    const view = this.#deviceOf(device)
    if (gate !== gateState.open || view === undefined) {
      this.#rest()
      return gate === gateState.held ? statusNumbers.DEVICE_BUSY : statusNumbers.DEVICE_CLOSED
    }
    this.#device = view
    if (this.#shortDevice !== device) this.#remember(view)
    this.#ctx.beginTurn()
    if (++this.#batches % this.looksEvery === 0) this.#ctx.fileTurns.count++
    return statusNumbers.OK
  }

  /** A promise that ends when the device's gate has another state; `undefined` if it is not held. */
  whenOpen(device: number): Promise<unknown> | undefined {
    return this.#gates.waitAsync(device)
  }

  /** True between `enter` and `leave`. */
  get isInside(): boolean {
    return this.#device !== undefined
  }

  /** Carries out what waits, without a batch. `frame` has been taken from the port already, perhaps before it was counted. */
  listen(frame: ControlFrame): void {
    this.#taken.push(frame)
    this.#rests.begin(this.#ctx.worker)
    this.#listen()
    this.#rest()
  }

  #listen(): void {
    this.#shortDevice = none
    carryOutControl(this.#ctx, this.#receive)
  }

  leave(): void {
    if (this.isStalled && !this.#ctx.stopped) return
    assert(this.#ctx.left === 0 || this.#ctx.stopped, 'everything that was begun is finished')
    this.#ctx.account()
    this.#device = undefined
    this.#rest()
  }

  /** Its length now, which another table may have changed. */
  sizeBytes(): number {
    return this.#entered().sizeBytes
  }

  isReadOnly(): boolean {
    return this.#entered().readOnly
  }

  /** Reads at once. A status. */
  read(arenaOffset: number, byteLength: number, byteOffset: number): number {
    const { route } = this.#inRange(byteLength, byteOffset)
    const place = this.#place
    const end = byteOffset + byteLength
    for (let at = byteOffset; at < end; ) {
      route.locate(at, place)
      const length = Math.min(end - at, place.byteLength)
      const status = this.#readPart(length, arenaOffset + (at - byteOffset))
      if (status !== statusNumbers.OK) {
        this.lastErrno = this.#ctx.failure
        return status
      }
      at += length
    }
    return statusNumbers.OK
  }

  /** Begins to write; `finish` must follow before the bytes may change. Its tag is above 0 and new in this batch. */
  beginWrite(tag: number, arenaOffset: number, byteLength: number, byteOffset: number): void {
    assert(tag > 0 && tag < tagCount, `tag ${tag} is between 0 and ${tagCount}`)
    this.#begin(operation.write, tag, arenaOffset, byteLength, byteOffset)
  }

  /** Writes, to its end. A status. */
  write(arenaOffset: number, byteLength: number, byteOffset: number): number {
    return this.#carryOut(operation.write, arenaOffset, byteLength, byteOffset)
  }

  /** Zeroes without bytes of them. A status; NOT_SUPPORTED where they have to be written. */
  zero(byteLength: number, byteOffset: number): number {
    return this.#carryOut(operation.zero, 0, byteLength, byteOffset)
  }

  /** A status; NOT_SUPPORTED where the device takes no discards. */
  discard(byteLength: number, byteOffset: number): number {
    return this.#carryOut(operation.discard, 0, byteLength, byteOffset)
  }

  /** Makes durable what was finished, whoever did it. A status. */
  flush(): number {
    const { flushed } = this.#entered().route
    this.status[0] = 0
    this.errno[0] = 0
    for (const volume of flushed) this.#turns.begin(operation.flush, 0, volume, 0, 0, 0)
    this.finish()
    return this.#answerOf(0)
  }

  /** Runs turns until everything that was begun is answered. */
  finish(): void {
    this.#turns.finish()
  }

  /** Something that was given up is still in hand. */
  get isStalled(): boolean {
    return this.#turns.isStalled
  }

  /** Goes on with what was given up; true when it is over. */
  goOn(): boolean {
    if (!this.#turns.goOn()) return false
    this.leave()
    return true
  }

  /** True if reads and writes need not be whole sectors: no file below was opened with O_DIRECT. */
  takesBytes(): boolean {
    return !this.#entered().route.flushed.some((number) => {
      const volume = this.#ctx.volumes[number]
      return volume !== undefined && needsAlignment(volume)
    })
  }

  /** Nobody else changes parts of sectors until `freeSectors`. Nothing may be unfinished. */
  holdSectors(): void {
    assert(this.#ctx.left === 0, 'nothing is waited for beside the lock of sectors')
    this.#sectors.hold(this.#ctx.owner)
  }

  freeSectors(): void {
    this.#sectors.release(this.#ctx.owner)
  }

  // ── one small request, the short way ────────────────────────────────────────────────────────────────────────────────

  /**
   * A batch of one read, without looking anything up that was the same the last time: the caches that a system call leaves
   * cold are what a small request pays for. Answers a status, or `notShort`, and then nothing has been done.
   */
  readShort(device: number, arenaOffset: number, byteLength: number, byteOffset: number): number {
    const volume = this.#beginShort(device, arenaOffset, byteOffset + byteLength)
    if (volume === undefined) return notShort
    const startedMs = this.#startedMs()
    const status = readNow(this.#ctx, volume, arenaOffset, byteLength, byteOffset)
    this.#endShort(operation.read, volume, byteLength, startedMs, status)
    return status
  }

  /** The same for a write that needs no key. */
  writeShort(device: number, arenaOffset: number, byteLength: number, byteOffset: number): number {
    const volume = this.#beginShort(device, arenaOffset, byteOffset + byteLength)
    if (volume === undefined) return notShort
    const startedMs = this.#startedMs()
    const isRefused = this.#shortIsReadOnly || (!this.#mayWait && waitsForThisThread(operation.write, volume))
    const status = isRefused ? needsKeys : writeNow(this.#ctx, volume, arenaOffset, byteLength, byteOffset)
    if (status === needsKeys) {
      this.#rest()
      return notShort
    }
    this.#endShort(operation.write, volume, byteLength, startedMs, status)
    return status
  }

  #beginShort(device: number, arenaOffset: number, end: number): VolumeView | undefined {
    if (device !== this.#shortDevice || end > this.#shortBytes || arenaOffset % pageBytes !== 0) return undefined
    const ctx = this.#ctx
    this.#rests.begin(ctx.worker) // S1
    const volume = this.#shortVolume
    if (!hasMail(ctx) && this.#gates.read(device) === gateState.open && volume !== undefined) {
      if (++this.#batches % this.looksEvery === 0) ctx.fileTurns.count++
      return volume
    }
    this.#rest()
    return undefined
  }

  #endShort(asked: number, volume: VolumeView, byteLength: number, startedMs: number, status: number): void {
    if (status !== statusNumbers.OK) this.lastErrno = this.#ctx.failure
    this.#count(asked, volume, byteLength, startedMs, status)
    this.#rest()
  }

  /** The device of this batch can be gone to the short way until the next control message, if it is one volume. */
  #remember({ number, readOnly, route, sizeBytes }: DeviceView): void {
    this.#shortDevice = number
    this.#shortBytes = sizeBytes
    this.#shortIsReadOnly = readOnly
    const only = route instanceof VolumeRoute ? this.#ctx.volumes[route.volume] : undefined
    this.#shortVolume = only !== undefined && originOf(only).nested === 0 ? only : undefined
  }

  // ── how a device goes on ────────────────────────────────────────────────────────────────────────────────────────────

  /** Whether the range is data or a hole that reads as zeroes, as far as that is one or the other: `extentBytes`. */
  isHole(byteOffset: number, byteLength: number): boolean {
    this.#locate(byteOffset, byteLength)
    return this.#goesOn(extentAt.isHole(this.#volumeAt(), this.#place)) === 1
  }

  /** 0 unallocated, 1 in the device itself, 2 below it: a snapshot's chunk that is the origin's. */
  depth(byteOffset: number, byteLength: number): number {
    this.#locate(byteOffset, byteLength)
    return this.#goesOn(extentAt.depth(this.#volumeAt(), this.#place))
  }

  /** 1 where the device may have changed since the other one, a snapshot of the same origin, was taken. */
  dirty(snapshotDevice: number, byteOffset: number, byteLength: number): number {
    this.#locate(byteOffset, byteLength)
    return this.#goesOn(extentAt.dirty(this.#volumeAt(), this.#snapshotOf(snapshotDevice), this.#place))
  }

  #deviceOf(device: number): DeviceView | undefined {
    const view = this.#ctx.devices[placeOfDevice(device)]
    return view?.number === device ? view : undefined
  }

  #goesOn(answer: number): number {
    this.extentBytes = this.#place.byteLength
    return answer
  }

  #locate(byteOffset: number, byteLength: number): void {
    const { route, sizeBytes } = this.#entered()
    assert(byteLength > 0 && byteOffset + byteLength <= sizeBytes, 'a range inside the device')
    route.locate(byteOffset, this.#place)
    this.#place.byteLength = Math.min(this.#place.byteLength, byteLength)
  }

  #volumeAt(): VolumeView | undefined {
    return this.#ctx.volumes[this.#place.volume]
  }

  #snapshotOf(device: number): VolumeView | undefined {
    const [volume] = this.#deviceOf(device)?.route.flushed ?? []
    return volume === undefined ? undefined : this.#ctx.volumes[volume]
  }

  // ── inside ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  #carryOut(asked: number, arenaOffset: number, byteLength: number, byteOffset: number): number {
    this.#begin(asked, 0, arenaOffset, byteLength, byteOffset)
    this.finish()
    return this.#answerOf(0)
  }

  #answerOf(tag: number): number {
    this.lastErrno = this.errno[tag] as number
    return this.status[tag] as number
  }

  #begin(asked: number, tag: number, arenaOffset: number, byteLength: number, byteOffset: number): void {
    const { readOnly, route } = this.#inRange(byteLength, byteOffset)
    assert(!readOnly, 'a read-only device is not written to')
    this.status[tag] = 0
    this.errno[tag] = 0
    const place = this.#place
    const end = byteOffset + byteLength
    for (let at = byteOffset; at < end && !this.isStalled; ) {
      route.locate(at, place)
      const volume = this.#ctx.volumes[place.volume]
      const cut = asked === operation.discard && volume !== undefined ? discardCut(volume) : discardBytesMax
      const length = Math.min(extentBytes(asked, place.byteOffset, end - at, cut), place.byteLength)
      const inArena = arenaOffset + (at - byteOffset)
      const status =
        volume === undefined ? statusNumbers.DEVICE_CLOSED : this.#beginPart(asked, tag, volume, length, inArena, at)
      if (status > 0 && this.status[tag] === 0) {
        this.status[tag] = status
        this.errno[tag] = this.#ctx.failure
      }
      at += length
    }
  }

  /** A part of a request, at `#place`: a status if it is done already, `needsKeys` if it was begun. */
  #beginPart(
    asked: number,
    tag: number,
    volume: VolumeView,
    byteLength: number,
    arenaOffset: number,
    inDevice: number,
  ): number {
    const ctx = this.#ctx
    const { byteOffset } = this.#place
    if (originOf(volume).nested > 0) return this.#passOn(asked, inDevice, byteLength, arenaOffset)
    if (!this.#mayWait && waitsForThisThread(asked, volume)) return statusNumbers.DEVICE_BUSY
    if (asked === operation.write) {
      if (isMisplaced(arenaOffset, volume)) return this.#writeStaged(volume, byteLength, arenaOffset, byteOffset)
      const startedMs = this.#startedMs()
      const status = writeNow(ctx, volume, arenaOffset, byteLength, byteOffset)
      if (status !== needsKeys) {
        this.#count(asked, volume, byteLength, startedMs, status)
        return status
      }
    }
    this.#turns.begin(asked, tag, volume.volume, byteOffset, byteLength, arenaOffset)
    return needsKeys
  }

  #readPart(byteLength: number, arenaOffset: number): number {
    const { byteOffset, volume: number } = this.#place
    const volume = this.#ctx.volumes[number]
    if (volume === undefined) return statusNumbers.DEVICE_CLOSED
    const startedMs = this.#startedMs()
    const status = isMisplaced(arenaOffset, volume)
      ? this.#readStaged(volume, byteLength, arenaOffset, byteOffset)
      : readNow(this.#ctx, volume, arenaOffset, byteLength, byteOffset)
    this.#count(operation.read, volume, byteLength, startedMs, status)
    return status
  }

  /** The clock, for one request of many; 0 for the others. */
  #startedMs(): number {
    this.#requests = (this.#requests + 1) | 0
    return this.#requests % timedEvery === 0 ? performance.now() : 0
  }

  #count(asked: number, volume: VolumeView, byteLength: number, startedMs: number, status: number): void {
    const index = countedAs(asked, volume)
    const failed = status !== statusNumbers.OK
    this.#ctx.statistics.untimed(index, failed ? 0 : byteLength, failed)
    if (startedMs > 0) this.#ctx.statistics.latency(index, performance.now() - startedMs)
  }

  /** Through memory that the file's I/O can use; to its end. */
  #writeStaged(volume: VolumeView, byteLength: number, arenaOffset: number, byteOffset: number): number {
    // What was staged before must be on its way no more.
    this.finish()
    if (this.isStalled) return statusNumbers.WORKER_DIED
    this.arena.copyWithin(this.#stagingOffset, arenaOffset, arenaOffset + byteLength)
    this.status[0] = 0
    this.#turns.begin(operation.write, 0, volume.volume, byteOffset, byteLength, this.#stagingOffset)
    this.finish()
    this.#ctx.failure = this.errno[0] as number
    return this.status[0] as number
  }

  #readStaged(volume: VolumeView, byteLength: number, arenaOffset: number, byteOffset: number): number {
    this.finish()
    const staging = this.#stagingOffset
    for (let done = 0; done < byteLength; done += stagingBytes) {
      const length = Math.min(stagingBytes, byteLength - done)
      const status = readNow(this.#ctx, volume, staging, length, byteOffset + done)
      if (status !== statusNumbers.OK) return status
      this.arena.copyWithin(arenaOffset + done, staging, staging + length)
    }
    return statusNumbers.OK
  }

  /** To a worker, through the coordinator: a stack in which one copy-on-write volume writes to another is served by one worker. */
  #passOn(asked: number, byteOffset: number, byteLength: number, arenaOffset: number): number {
    this.finish()
    const device = this.#entered().number
    const answer = this.#forward?.({ kind: 'forward', device, operation: asked, byteOffset, byteLength, arenaOffset })
    this.#ctx.failure = answer?.errno ?? 0
    return answer?.status ?? statusNumbers.NOT_SUPPORTED
  }

  #inRange(byteLength: number, byteOffset: number): DeviceView {
    const device = this.#entered()
    assert(
      byteOffset >= 0 && byteLength >= 0 && byteOffset + byteLength <= device.sizeBytes,
      'a range inside the device',
    )
    assert((byteOffset % sectorBytes === 0 && byteLength % sectorBytes === 0) || this.takesBytes(), 'whole sectors')
    return device
  }

  #entered(): DeviceView {
    return present(this.#device, 'inside a batch')
  }

  #rest(): void {
    if (this.#rests.end(this.#ctx.worker)) this.#ctx.signals.client.ring() // S2
  }
}

/** Cuts of discards never divide a chunk, which would not count as discarded whole. */
function discardCut(volume: VolumeView): number {
  const origin = originOf(volume)
  const isAlone = origin.snapshots.length === 0 && origin.merging === undefined
  return isAlone ? discardBytesMax : Math.max(origin.keyBytes, extentBytesMax)
}

/** Its keys may be the window's of a merge, whose steps the coordinator's thread takes. */
const waitsForThisThread = (asked: number, volume: VolumeView): boolean =>
  asked === operation.write && originOf(volume).merging !== undefined

const isMisplaced = (arenaOffset: number, volume: VolumeView): boolean =>
  arenaOffset % pageBytes !== 0 && needsAlignment(volume)
