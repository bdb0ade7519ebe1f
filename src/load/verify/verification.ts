/**
 * Checks volumes of a run: all of them when it is over, the snapshots also meanwhile; lanes check what they read themselves.
 *
 * The first thing that cannot be right ends the run, so that what was found is still there to be looked at.
 */
import { randomBytes } from 'node:crypto'
import { assert } from '../../base/assert.js'
import type { ControlWords } from '../lane/control-words.js'
import type { RunClock } from '../lane/run-clock.js'
import { RandomWords } from '../pattern/random-words.js'
import type { VerificationResult } from '../result/load-result.js'
import type { Probe } from '../target/open-target.js'
import { Incidents } from './incidents.js'
import type { RunIdentity } from './judge.js'
import type { Suspicion } from './lane-checks.js'
import { closeFork, createLedger, forkLedger, type LedgerMemory, rollBack } from './ledger.js'
import { violationOf } from './story.js'
import { WatchedVolume } from './watched-volume.js'
import type { WrongSector } from './wrong-sector.js'

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
  readonly #jobNames: readonly string[]
  readonly #volumeNames = new Map<number, string>()
  readonly #watched = new Map<number, Watched>()
  /** Snapshots that are gone, of which there may still be something to tell. */
  readonly #gone = new Map<number, WatchedVolume>()
  readonly #suspicions: Suspicion[] = []
  readonly #incidents = new Incidents(this.run)
  /** Volumes that could not be read to their end, and why. */
  readonly #unread = new Map<number, string>()
  readonly #readToTheEnd: string[] = []
  #nextVolume = 1
  #checkedElsewhere = 0

  constructor(control: ControlWords, jobNames: readonly string[]) {
    this.#control = control
    this.#jobNames = jobNames
  }

  get violationCount(): number {
    return this.#suspicions.length + this.#incidents.all.length + this.#incidents.beyond
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
    const watched = this.#watched.get(origin.volume)
    if (watched !== undefined) watched.volume.rolledBackTo = name
    this.forget(name)
  }

  /** It is about to be removed, or has become the origin. */
  forget(name: string): void {
    const watched = [...this.#watched.values()].find(({ volume }) => volume.name === name)
    if (watched === undefined) return
    const { volume } = watched
    this.#watched.delete(volume.memory.volume)
    this.#gone.set(volume.memory.volume, volume)
    this.#unread.set(volume.memory.volume, 'it was merged or removed')
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

  /** When nothing is in flight any more: puts together what was found, and reads every volume from end to end. */
  async conclude(clock: RunClock, progress: (share: number) => void): Promise<void> {
    for (const { atMs, job, volume: number, wrong } of this.#suspicions.splice(0)) {
      const volume = this.#watched.get(number)?.volume ?? this.#gone.get(number)
      assert(volume !== undefined, 'whatever is suspected has been watched')
      this.#incidents.add(volume, { wrong, foundBy: this.#readerName(job), atMs, isLasting: false })
    }
    const total = [...this.#watched.values()].reduce((sum, { volume }) => sum + volume.memory.sectors, 0)
    let done = 0
    for (const watched of this.#watched.values()) {
      const { volume } = watched
      try {
        for (let sector = volume.memory.firstSector; sector < volume.endSector; ) {
          const count = await this.#checkTwice(watched, sector, clock)
          sector += count
          done += count
          progress(done / total)
        }
        this.#readToTheEnd.push(volume.name)
      } catch (error) {
        this.#unread.set(volume.memory.volume, error instanceof Error ? error.message : String(error))
      }
    }
  }

  result(): VerificationResult {
    const volumes = [...[...this.#watched.values()].map(({ volume }) => volume), ...this.#gone.values()]
    const { all, beyond } = this.#incidents
    const teller = { run: this.run, jobNames: this.#jobNames, volumeNames: this.#volumeNames, unread: this.#unread }
    return {
      sectorsChecked: volumes.reduce((sum, volume) => sum + volume.sectorsChecked, this.#checkedElsewhere),
      violations: all.slice(0, storiesMax).map((incident) => violationOf(incident, teller)),
      moreViolations: Math.max(0, all.length - storiesMax) + beyond,
      readToTheEnd: this.#readToTheEnd,
      unchecked: [...this.#watched.values()].flatMap(({ volume }) => {
        const reason = this.#unread.get(volume.memory.volume)
        return reason === undefined ? [] : [{ volume: volume.name, reason }]
      }),
    }
  }

  /** Where anything is wrong it reads the piece once more: what is right then was wrong on its way only. */
  async #checkTwice({ isWritten, volume }: Watched, sector: number, clock: RunClock): Promise<number> {
    const first: WrongSector[] = []
    const count = await volume.check(sector, Number.POSITIVE_INFINITY, !isWritten, (wrong) => first.push(wrong))
    if (first.length === 0) return count
    const again = new Map<number, WrongSector>()
    await volume.check(sector, count, false, (wrong) => again.set(wrong.sector, wrong))
    const found = { foundBy: 'read at the end', atMs: clock.now() }
    for (const wrong of first) {
      if (!again.has(wrong.sector)) this.#incidents.add(volume, { ...found, wrong, isLasting: false })
    }
    for (const wrong of again.values()) this.#incidents.add(volume, { ...found, wrong, isLasting: true })
    return count
  }

  async #checkPiece(watched: Watched, words: RandomWords, clock: RunClock): Promise<void> {
    const { volume } = watched
    const { firstSector, sectors } = volume.memory
    const pieces = Math.ceil(sectors / onlineSectors)
    const sector = firstSector + words.below(pieces) * onlineSectors
    try {
      await volume.check(sector, onlineSectors, true, (wrong) => {
        this.suspect({ volume: volume.memory.volume, wrong, atMs: clock.now(), job: snapshotReader })
      })
    } catch {
      // It has become invalid or full, or is gone. The check at the end says why, if it is still watched then.
      watched.isResting = true
    }
  }

  #readerName(job: number): string {
    return job === snapshotReader ? 'read while the jobs ran' : `read by job '${this.#jobNames[job] ?? job}'`
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
