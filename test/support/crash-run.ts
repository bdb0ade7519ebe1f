/**
 * Rounds of a crash test: a child process works under load, is killed at a random moment, and what it leaves is reopened
 * here and compared, sector by sector, with all that it may have left. The state lives on from round to round.
 *
 * The seed decides what is written and what a kill aims at; the moment it strikes is the machine's.
 */
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Engine, type Origin, type Snapshot } from 'cowring'
import { CrashLedger } from './crash-ledger.js'
import {
  type CrashMode,
  type CrashOrder,
  cowPath,
  deviceOf,
  isSmall,
  originDevice,
  originPath,
  originSectors,
  parseLine,
  sectorBytes,
} from './crash-protocol.js'
import { Random } from './model-random.js'
import { fastFolder } from './model-run.js'
import { checkedStore } from './model-store-file.js'
import { stampSectors } from './self-describing.js'

export interface CrashTally {
  kills: number
  acknowledged: number
  /** How often the process died with each of these under way. */
  readonly during: Record<Moment, number>
  /** Merges that were not done when the process died, were gone on with, and those that were killed again meanwhile. */
  merges: { unfinished: number; ended: number }
  /** Snapshots with small COWs that were found invalid, and valid. */
  small: { invalid: number; valid: number }
  /** Kills of processes whose worker threads died as well. */
  withDeaths: number
}

/** What was under way; a merge counts as one until it has ended, also when it was paused or cancelled. */
type Moment = 'open' | 'load' | 'take' | 'remove' | 'close' | 'closed' | 'merge'

const childScript = new URL('../../dist/test/support/crash-child.js', import.meta.url).pathname
const roundsPerFolder = 10
/** A kill that aims at something that does not come strikes anyway. */
const patienceMs = 3000

interface Aim {
  readonly mode: CrashMode
  readonly line: Moment | 'opened' | 'pause' | 'resume' | 'cancel' | 'cancelled' | 'again' | 'merged'
  readonly count: number
  readonly delayMs: number
}

export async function crashRounds(
  seed: number,
  rounds: number,
  goesOn: () => boolean = () => true,
): Promise<CrashTally> {
  const random = new Random(seed)
  const during = { open: 0, load: 0, take: 0, remove: 0, close: 0, closed: 0, merge: 0 }
  const tally: CrashTally = {
    ...{ kills: 0, acknowledged: 0, during, merges: { unfinished: 0, ended: 0 } },
    ...{ small: { invalid: 0, valid: 0 }, withDeaths: 0 },
  }
  const base = mkdtempSync(join(fastFolder(), 'cowring-crash-'))
  const engine = await Engine.start({ workers: 1, arenaBytes: 2 ** 26 })
  try {
    let ledger = new CrashLedger()
    let folder = base
    for (let round = 0; round < rounds && goesOn(); round++) {
      if (round % roundsPerFolder === 0) {
        if (folder !== base) rmSync(folder, { recursive: true })
        folder = join(base, `${round}`)
        ledger = startAfresh(folder)
      }
      const aim = takeAim(random, round)
      try {
        const before = ledger.acknowledged
        const order = orderFor(folder, random, ledger, aim)
        tally.during[await runAndKill(order, aim, ledger)]++
        tally.kills++
        if (order.workersDie) tally.withDeaths++
        tally.acknowledged += ledger.acknowledged - before
        // In quick succession: what is left is opened by one that is killed while it opens it, or just after.
        while (random.chance(0.2)) {
          await runAndKill(
            orderFor(folder, random, ledger, opening),
            { ...opening, delayMs: random.int(0, 30) },
            ledger,
          )
          tally.during.open++
          tally.kills++
        }
        await verify(engine, folder, ledger, tally, random)
      } catch (error) {
        const text = error instanceof Error ? error.message : String(error)
        throw new Error(`round ${round}, ${JSON.stringify(aim)}: ${text}`, { cause: error })
      }
    }
  } finally {
    await engine.close()
    rmSync(base, { recursive: true, force: true })
  }
  return tally
}

function startAfresh(folder: string): CrashLedger {
  mkdirSync(folder, { recursive: true })
  const image = new Uint8Array(originSectors * sectorBytes)
  stampSectors(image, { device: originDevice, firstSector: 0, sequence: 0 })
  writeFileSync(originPath(folder), image)
  return new CrashLedger()
}

const mergeLines = ['merge', 'pause', 'resume', 'cancel', 'cancelled', 'again', 'merged'] as const

/** Two rounds in seven strike at any moment of the load, the others just after something delicate has begun. */
function takeAim(random: Random, round: number): Aim {
  const anyMoment = { line: 'load', count: 1, delayMs: random.int(20, 250) } as const
  const soon = { count: random.int(1, 6), delayMs: random.pick([0, 0, 0, 1, 2, 4]) }
  switch (round % 7) {
    case 0:
      return { mode: 'steady', ...anyMoment }
    case 1:
      return { mode: 'churn', line: 'take', ...soon, count: soon.count + 1 }
    case 2:
      return { mode: 'churn', ...anyMoment }
    case 3:
      return { mode: 'churn', line: 'remove', ...soon }
    case 4:
      return { mode: 'merge', line: 'merge', count: 1, delayMs: random.pick([0, 0, 1, 3, 10, 40, 100]) }
    case 5:
      return { mode: 'merge', line: random.pick(mergeLines), ...soon, count: random.int(1, 2) }
    default:
      return { mode: 'close', line: random.pick(['close', 'close', 'closed']), ...soon }
  }
}

const opening: Aim = { mode: 'open', line: 'open', count: 1, delayMs: 0 }

function orderFor(folder: string, random: Random, ledger: CrashLedger, { mode }: Aim): CrashOrder {
  return {
    folder,
    seed: random.int(0, 2 ** 31),
    workers: random.int(1, 3),
    mode,
    workersDie: mode !== 'open' && random.chance(0.25),
    extends: random.chance(0.3),
    takeUnderLoad: random.chance(0.5),
    firstSequence: ledger.nextSequence,
    firstDevice: ledger.nextDevice,
    firstSector: random.int(0, originSectors - 1),
  }
}

/** Resolves when the child is dead and all it said is in the ledger, with what was under way when it died. */
function runAndKill(order: CrashOrder, aim: Aim, ledger: CrashLedger): Promise<Moment> {
  const child = spawn(process.execPath, [childScript, JSON.stringify(order)], {
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
  })
  const said = child.stdio[3]
  if (said === null || said === undefined || !('readable' in said)) throw new Error('the child has no pipe')
  let underWay: Moment = 'load'
  let count = 0
  let problem: unknown
  let errors = ''
  child.stderr?.on('data', (text) => {
    errors += text
  })
  const kill = () => child.kill('SIGKILL')
  const timers = [setTimeout(kill, 10 * patienceMs)]
  const hear = (line: string) => {
    const parsed = parseLine(line)
    try {
      ledger.apply(parsed)
    } catch (error) {
      problem ??= error
      kill()
    }
    if (parsed.kind === 'load') timers.push(setTimeout(kill, patienceMs))
    if (['open', 'take', 'remove', 'close', 'closed'].includes(parsed.kind)) underWay = parsed.kind as Moment
    else if (['taken', 'removed', 'load'].includes(parsed.kind)) underWay = 'load'
    if (parsed.kind !== aim.line || ++count !== aim.count) return
    if (aim.delayMs === 0) kill()
    else timers.push(setTimeout(kill, aim.delayMs))
  }
  // The last line may have been cut; then its request had not begun, or its end was not told.
  let rest = ''
  said.setEncoding('utf8')
  said.on('data', (text: string) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) hear(line)
  })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (status, signal) => {
      for (const timer of timers) clearTimeout(timer)
      if (problem === undefined && signal === 'SIGKILL') resolve(ledger.merging === undefined ? underWay : 'merge')
      else reject(problem ?? new Error(`the child ended by itself (${status ?? signal}): ${errors}`))
    })
  })
}

async function verify(
  engine: Engine,
  folder: string,
  ledger: CrashLedger,
  { merges, small }: Pick<CrashTally, 'merges' | 'small'>,
  random: Random,
): Promise<void> {
  for (const device of ledger.certain) mustBeSound(folder, device)
  // Opened to be read, a merge stays as it is: then the next process goes on with it, and is killed again.
  const readOnly = ledger.merging !== undefined && random.chance(0.4)
  const origin = await engine.open(originPath(folder), { readOnly })
  const snapshots = origin.snapshots.map((snapshot) => ({ device: deviceOf(snapshot.name), snapshot }))
  ledger.settleSnapshots(snapshots.map(({ device, snapshot }) => ({ device, merging: snapshot.merging?.state })))
  const merging = snapshots.find(({ device }) => device === ledger.merging)?.snapshot
  const others = snapshots.filter(({ snapshot }) => snapshot !== merging)
  await settleAll(ledger, origin, others)
  for (const { device, snapshot } of others) {
    if (isSmall(device)) small[snapshot.usage().state === 'Invalid' ? 'invalid' : 'valid']++
  }
  if (merging !== undefined) {
    merges.unfinished++
    await mustShowOrigin(origin, merging)
    if (!readOnly && (await mergedToTheEnd(merging, random))) {
      merges.ended++
      if (merging.status() !== 'merged') throw new Error(`${merging.name} was merged, and is ${merging.status()}`)
      ledger.endMerge(deviceOf(merging.name))
      await settleAll(ledger, origin, others)
    }
  }
  await origin.close()
  const kept = ledger.merging === undefined ? others : snapshots
  for (const { device } of kept) mustBeSound(folder, device)
  const cows = kept.map(({ device }) => cowPath(folder, device))
  for (const name of readdirSync(folder).filter((entry) => entry.endsWith('.cow'))) {
    if (!cows.includes(join(folder, name))) rmSync(join(folder, name))
  }
}

async function settleAll(
  ledger: CrashLedger,
  origin: Origin,
  snapshots: readonly { readonly device: number; readonly snapshot: Snapshot }[],
): Promise<void> {
  ledger.settleContent(originDevice, await origin.read(0, origin.sizeBytes))
  for (const { device, snapshot } of snapshots) {
    if (ledger.settleStatus(device, snapshot.status()))
      ledger.settleContent(device, await snapshot.read(0, snapshot.sizeBytes))
  }
}

/** While it is merged, which may be over by now. */
async function mustShowOrigin(origin: Origin, merging: Snapshot): Promise<void> {
  try {
    const [shown, expected] = await Promise.all([merging, origin].map((volume) => volume.read(0, volume.sizeBytes)))
    if (Buffer.compare(shown ?? new Uint8Array(), expected ?? new Uint8Array()) !== 0) {
      throw new Error(`${merging.name} is being merged, and shows something else than the origin`)
    }
  } catch (error) {
    if (merging.status() !== 'merged') throw error
  }
}

/** An unfinished merge goes on by itself; one that was cancelled when it is asked to, which is left to the next process now and then. */
async function mergedToTheEnd(merging: Snapshot, random: Random): Promise<boolean> {
  const merge = merging.merging
  if (merge === undefined) throw new Error(`${merging.name} has no merge`)
  if (merge.state !== 'cancelled') return (await merge.finished) === 'merged'
  if (random.chance(0.5)) return false
  return (await merging.merge().finished) === 'merged'
}

function mustBeSound(folder: string, device: number): void {
  const path = cowPath(folder, device)
  if (!existsSync(path)) throw new Error(`${path} is gone`)
  if (!checkedStore(path, originSectors).valid && !isSmall(device)) throw new Error(`${path} is marked invalid`)
}
