/**
 * Checks volumes of a run: all of them when it is over, the snapshots also meanwhile; lanes check what they read themselves.
 *
 * The first thing that cannot be right ends the run, so that what was found is still there to be looked at.
 */
import { randomBytes } from 'node:crypto'
import type { ControlWords } from '../lane/control-words.js'
import type { RunClock } from '../lane/run-clock.js'
import { RandomWords } from '../pattern/random-words.js'
import type { VerificationResult, Violation } from '../result/load-result.js'
import type { Probe } from '../target/open-target.js'
import type { RunIdentity } from './judge.js'
import type { Suspicion } from './lane-checks.js'
import { closeFork, createLedger, forkLedger, type LedgerMemory, rollBack } from './ledger.js'
import { investigate, type StoryTeller } from './story.js'
import { WatchedVolume, type WrongSector } from './watched-volume.js'

/** Limit: more stories would hide the first. */
const storiesMax = 16
/** How much of a snapshot is checked at a time while the jobs run, and how many times as long as that takes nothing is checked. */
const onlineSectors = 128
const restPerWork = 3

interface Watched {
  readonly volume: WatchedVolume
  /** Jobs write to it, so that it does not have to stay as it is. */
  readonly isWritten: boolean
  /** Reading it has failed: it is tried again at the end. */
  isResting: boolean
}

export class Verification {
  readonly run: RunIdentity = { low: randomBytes(4).readUInt32LE(), high: randomBytes(4).readUInt32LE() }
  readonly #control: ControlWords
  readonly #teller: StoryTeller
  readonly #volumeNames = new Map<number, string>()
  readonly #watched = new Map<number, Watched>()
  readonly #suspicions: Suspicion[] = []
  readonly #violations: Violation[] = []
  readonly #told = new Set<string>()
  readonly #unchecked: { readonly volume: string; readonly reason: string }[] = []
  readonly #readToTheEnd: string[] = []
  #more = 0
  #nextVolume = 1
  #checkedElsewhere = 0

  constructor(control: ControlWords, jobNames: readonly string[]) {
    this.#control = control
    this.#teller = { run: this.run, jobNames, volumeNames: this.#volumeNames }
  }

  get violationCount(): number {
    return this.#violations.length + this.#more + this.#suspicions.length
  }

  /** Watches this part of a volume, and takes what is there as what was there before. */
  async watch(probe: Probe, firstSector: number, sectors: number, isWritten: boolean): Promise<LedgerMemory> {
    const memory = createLedger(this.#nameVolume(probe.name), firstSector, sectors)
    const volume = new WatchedVolume(probe.name, probe, memory, this.run)
    this.#watched.set(memory.volume, { volume, isWritten, isResting: false })
    await volume.remember()
    return memory
  }

  /** Takes a snapshot of a watched volume and watches it, too. */
  async take<Snapshot extends Probe>(
    origin: LedgerMemory,
    name: string,
    take: () => Promise<Snapshot>,
  ): Promise<Snapshot> {
    const memory = forkLedger(origin, this.#nameVolume(name))
    const snapshot = await take()
    closeFork(memory, origin, this.#control.lastWrite)
    const volume = new WatchedVolume(name, snapshot, memory, this.run)
    this.#watched.set(memory.volume, { volume, isWritten: false, isResting: false })
    return snapshot
  }

  /** The origin is what the snapshot was. Nothing may be in flight; the snapshot is not watched any more. */
  rollBack(origin: LedgerMemory, name: string): void {
    const memory = this.#memoryOf(name)
    if (memory === undefined) return
    rollBack(origin, memory, this.#control.lastWrite)
    this.forget(name)
  }

  forget(name: string): void {
    const memory = this.#memoryOf(name)
    if (memory !== undefined) this.#watched.delete(memory.volume)
  }

  /** A lane has read what cannot be right. The run ends. */
  suspect(suspicion: Suspicion): void {
    this.#suspicions.push(suspicion)
    this.#control.stop()
  }

  laneEnded(sectorsChecked: number): void {
    this.#checkedElsewhere += sectorsChecked
  }

  /** Reads snapshots here and there, one piece after the other, until the run is stopped or `over`. */
  async checkSnapshots(clock: RunClock, over: AbortSignal): Promise<void> {
    const words = new RandomWords(1)
    while (!over.aborted && !this.#control.isStopped) {
      const snapshots = [...this.#watched.values()].filter(({ isResting, isWritten }) => !isResting && !isWritten)
      const chosen = snapshots[words.below(Math.max(1, snapshots.length))]
      if (chosen === undefined) await new Promise((resolve) => setTimeout(resolve, 20))
      else {
        const startedMs = clock.now()
        await this.#checkPiece(chosen, words, clock)
        await new Promise((resolve) => setTimeout(resolve, restPerWork * (clock.now() - startedMs)))
      }
    }
  }

  /** When nothing is in flight any more: tells what lanes have found, and reads every volume from end to end. */
  async conclude(clock: RunClock, progress: (share: number) => void): Promise<void> {
    for (const { atMs, job, sector, floor, bytes, volume: number } of this.#suspicions.splice(0)) {
      const watched = this.#watched.get(number)
      if (watched === undefined) continue
      await this.#tell(watched.volume, { sector, floor, bytes }, this.#readerName(job), atMs)
    }
    const total = [...this.#watched.values()].reduce((sum, { volume }) => sum + volume.memory.sectors, 0)
    let done = 0
    for (const { isWritten, volume } of this.#watched.values()) {
      const wrong: WrongSector[] = []
      try {
        for (let sector = volume.memory.firstSector; sector < volume.endSector; ) {
          const count = await volume.check(sector, Number.POSITIVE_INFINITY, !isWritten, (found) => {
            if (wrong.length < storiesMax * 64) wrong.push(found)
            else this.#more++
          })
          sector += count
          done += count
          progress(done / total)
        }
        this.#readToTheEnd.push(volume.name)
      } catch (error) {
        this.#unchecked.push({ volume: volume.name, reason: error instanceof Error ? error.message : String(error) })
      }
      for (const each of wrong) await this.#tell(volume, each, 'read at the end', clock.now())
    }
  }

  result(): VerificationResult {
    const here = [...this.#watched.values()].reduce((sum, { volume }) => sum + volume.sectorsChecked, 0)
    return {
      sectorsChecked: here + this.#checkedElsewhere,
      violations: this.#violations,
      moreViolations: this.#more,
      readToTheEnd: this.#readToTheEnd,
      unchecked: this.#unchecked,
    }
  }

  async #checkPiece(watched: Watched, words: RandomWords, clock: RunClock): Promise<void> {
    const { volume } = watched
    const { firstSector, sectors } = volume.memory
    const pieces = Math.ceil(sectors / onlineSectors)
    const sector = firstSector + words.below(pieces) * onlineSectors
    try {
      await volume.check(sector, onlineSectors, true, ({ bytes, floor, sector: wrong }) => {
        this.suspect({
          volume: volume.memory.volume,
          sector: wrong,
          floor,
          bytes,
          atMs: clock.now(),
          job: snapshotReader,
        })
      })
    } catch {
      // It has become invalid or full, or is gone. The check at the end says why, if it is still watched then.
      watched.isResting = true
    }
  }

  /** One story for each write: its other sectors are in it. */
  async #tell(volume: WatchedVolume, wrong: WrongSector, foundBy: string, atMs: number): Promise<void> {
    const key = `${volume.memory.volume} ${wrong.floor === 0 ? `sector ${wrong.sector}` : wrong.floor}`
    if (this.#told.has(key)) return
    this.#told.add(key)
    if (this.#violations.length >= storiesMax) this.#more++
    else this.#violations.push(await investigate(volume, wrong, foundBy, atMs, this.#teller))
  }

  #readerName(job: number): string {
    return job === snapshotReader ? 'read while the jobs ran' : `read by job '${this.#teller.jobNames[job] ?? job}'`
  }

  #nameVolume(name: string): number {
    const number = this.#nextVolume++
    this.#volumeNames.set(number, name)
    return number
  }

  #memoryOf(name: string): LedgerMemory | undefined {
    return [...this.#watched.values()].find(({ volume }) => volume.name === name)?.volume.memory
  }
}

/** Beyond all jobs. */
const snapshotReader = 65_535
