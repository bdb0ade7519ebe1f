/**
 * Does to the device-mapper layer what a recording did to the kernel's, and compares everything that the recording says
 * came of it.
 *
 * - Nothing here knows a recording by its name. Every difference is collected; none ends the replay.
 * - A `create` of a name that exists starts from its removal, which recorders do not record.
 * - A deliberate difference is one that the list of them covers. What the kernel made and we refuse on purpose is not there
 *   afterwards, so the records about it are left out; what we make and the kernel refused is removed again.
 * - A merge that a command has started comes to rest before the next record, as it did for the recorder.
 */
import { type CommandRecord, type DmsetupCommand, deviceName, parseDmsetup, type Recorded } from '../recording.js'
import { compareCommand } from './compare-command.js'
import { compareImage, compareRequest, compareRuns, compareState } from './compare-record.js'
import { DeviceStorage } from './device-storage.js'
import { type Difference, type FoundDifference, findKnown, type KnownDifference } from './differences.js'
import { cowSectorsShownNext, sectorsZeroedPerCase } from './hints.js'
import { type DeviceLayer, deviceInfo, type RunDmsetup } from './layer.js'
import { mergesAtRest } from './merges.js'
import { minorsByName } from './numbers.js'
import { Preparation } from './preparation.js'
import { removeWithUsers } from './removal.js'
import { shellWords } from './shell-words.js'
import { SnapshotWatch } from './snapshot-watch.js'
import type { Surroundings } from './surroundings.js'

export interface ReplayOptions {
  readonly layer: DeviceLayer
  readonly dmsetup: RunDmsetup
  /** The folder of the recorded COW images. */
  readonly images: string
  readonly known: readonly KnownDifference[]
}

export interface Outcome {
  readonly differences: readonly FoundDifference[]
  /** The deliberate differences that occurred. */
  readonly used: ReadonlySet<KnownDifference>
  /** Records that were compared. */
  readonly compared: number
  /** Records that were left out, by reason. */
  readonly leftOut: ReadonlyMap<string, number>
  /** The record at which the replay broke off; `undefined` if it went to the end. */
  readonly brokenOffAt: number | undefined
}

export async function replay(records: readonly Recorded[], options: ReplayOptions): Promise<Outcome> {
  using storage = new DeviceStorage()
  const run = new Replay(records, storage, options)
  for (let index = 0; index < records.length && run.brokenOffAt === undefined; index += 1)
    await run.stepOrBreakOff(index)
  return run
}

/** Longer than any record takes; a request to a device that stays suspended never ends by itself. */
const recordSecondsMax = 30

class Replay implements Outcome {
  readonly differences: FoundDifference[] = []
  readonly used = new Set<KnownDifference>()
  readonly leftOut = new Map<string, number>()
  compared = 0
  brokenOffAt: number | undefined
  readonly #records: readonly Recorded[]
  readonly #options: ReplayOptions
  readonly #all: Surroundings
  readonly #sectorsZeroed: number | undefined
  /** Devices that the kernel had and we do not, with the reason. */
  readonly #absent = new Map<string, string>()
  #record = 0

  constructor(records: readonly Recorded[], storage: DeviceStorage, options: ReplayOptions) {
    const { layer, images } = options
    this.#records = records
    this.#options = options
    const preparation = new Preparation(layer, storage)
    this.#all = { layer, storage, preparation, watch: new SnapshotWatch(layer), images }
    this.#sectorsZeroed = sectorsZeroedPerCase(records)
  }

  /** A record that cannot be done at all, or does not come to an end, is a difference, and ends the replay. */
  async stepOrBreakOff(index: number): Promise<void> {
    const failure = await failureOf(this.#step(index), recordSecondsMax)
    if (failure === undefined) return
    this.differences.push({
      record: index,
      asked: { aspect: 'replay' },
      what: JSON.stringify(this.#records[index]),
      expected: 'a record that can be replayed',
      found: failure,
    })
    this.brokenOffAt = index
  }

  async #step(index: number): Promise<void> {
    const record = this.#records[index]
    this.#record = index
    switch (record?.t) {
      case 'prep':
        if (record.do === 'cowinit') this.#all.watch.cowIsNew(record.dev)
        return this.#all.preparation.prepare(record)
      case 'dm':
        return this.#command(record)
      case 'cmd':
        return shellWords(record.cmd)[0] === 'dmsetup' ? this.#command(record) : undefined
      case 'state':
        return this.#compare(record.name, () => compareState(this.#all, record))
      case 'io':
        return this.#compare(record.dev, () => compareRequest(this.#all, record))
      case 'runs':
        return this.#compare(record.name, () => compareRuns(this.#all, record))
      case 'cow':
        return this.#compare(record.name, () => compareImage(this.#all, record))
    }
  }

  async #compare(device: string, compare: () => Promise<readonly Difference[]>): Promise<void> {
    const absence = this.#absent.get(device)
    if (absence !== undefined) return this.#leaveOut(absence)
    this.compared += 1
    this.#judge(await compare())
  }

  async #command(record: CommandRecord): Promise<void> {
    const command = parseDmsetup(record.cmd)
    const { verb, name = '' } = command
    if (verb === 'create') await this.#beforeCreate(command)
    const absence = this.#absent.get(name)
    if (absence !== undefined) {
      if (verb === 'remove') this.#absent.delete(name)
      return this.#leaveOut(absence)
    }
    this.compared += 1
    const minorsBefore = minorsByName(this.#all.layer)
    const answer = await this.#options.dmsetup(shellWords(record.cmd).slice(1))
    if (verb === 'resume') this.#all.watch.resumed(name)
    await mergesAtRest(this.#all.layer)
    const absent = new Set(this.#absent.keys())
    const deliberate = this.#judge(compareCommand(this.#all, record, answer, { minorsBefore, absent }))
    if (verb !== 'create' || deliberate === undefined || (record.rc === 0) === (answer.rc === 0)) return
    if (record.rc === 0) this.#absent.set(name, 'refused on purpose')
    else await removeWithUsers(this.#all.layer, name)
  }

  /** What a recorder does before it creates a device, without a record. */
  async #beforeCreate({ name = '', table = [] }: DmsetupCommand): Promise<void> {
    const { layer, preparation, watch } = this.#all
    this.#absent.delete(name)
    watch.deviceIsNew(name)
    if (deviceInfo(layer, name) !== undefined) await removeWithUsers(layer, name)
    for (const cow of this.#sectorsZeroed === undefined ? [] : preparation.cows) {
      if (deviceInfo(layer, cow)?.openCount === 0) await preparation.zero(cow, this.#sectorsZeroed ?? 0)
    }
    const [line] = table
    const cow = line?.target === 'snapshot' ? deviceName(line.args[1] ?? '') : ''
    const shown = cowSectorsShownNext(this.#records, this.#record, name)
    const prepared = preparation.sectors(cow)
    if (shown !== undefined && prepared !== undefined && shown !== prepared) await preparation.resize(cow, shown)
  }

  /** Collects what is not deliberate; returns the deliberate difference, if there is one. */
  #judge(differences: readonly Difference[]): KnownDifference | undefined {
    let deliberate: KnownDifference | undefined
    for (const difference of differences) {
      const known = findKnown(this.#options.known, difference)
      if (known === undefined) this.differences.push({ record: this.#record, ...difference })
      else {
        this.used.add(known)
        if (difference.asked.aspect === 'answer') deliberate = known
      }
    }
    return deliberate
  }

  #leaveOut(reason: string): void {
    this.leftOut.set(reason, (this.leftOut.get(reason) ?? 0) + 1)
  }
}

/** What went wrong with an action; `undefined` if it was done in time. */
async function failureOf(action: Promise<void>, secondsMax: number): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(resolve, secondsMax * 1000, `nothing in ${secondsMax} seconds`)
  })
  try {
    return await Promise.race([action.then(() => undefined), late])
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error)
  } finally {
    clearTimeout(timer)
  }
}
