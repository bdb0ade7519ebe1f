/**
 * The process that is killed: writes stamped sectors and zeroes, and discards, to an origin and its snapshots, 32 requests in flight, and says on
 * descriptor 3 what it does (crash-protocol.ts). It never ends by itself.
 *
 * A line is out before the request it announces begins, because writing to that pipe is synchronous.
 */
import { writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { CowringError, Engine, type Merge, type MergeOptions, type Origin, type Snapshot } from 'cowring'
import { terminate } from '../threads/dying-load.js'
import {
  type CrashOrder,
  cowPath,
  deviceOf,
  isSmall,
  lastingDevices,
  nameOf,
  originDevice,
  originPath,
  originSectors,
  sectorBytes,
  storeOf,
} from './crash-protocol.js'
import { Random } from './model-random.js'
import { stampSectors } from './self-describing.js'

const depth = 32
const writeSectorsMax = 40
const order: CrashOrder = JSON.parse(process.argv[2] ?? '{}')
const random = new Random(order.seed)
const say = (line: string) => writeSync(3, `${line}\n`)

let sequence = order.firstSequence
let nextDevice = order.firstDevice
let frontier = order.firstSector
let loading = false
const targets = new Map<number, Origin | Snapshot>()

try {
  const mapper = order.extends ? { autoExtend: { threshold: 70, percent: 20 } } : {}
  await work(await Engine.start({ workers: order.workers, arenaBytes: 2 ** 25, mapper }))
} catch (error) {
  say(`failed ${String(error instanceof Error ? error.stack : error).replaceAll('\n', ' ')}`)
  process.exit(1)
}

async function work(engine: Engine): Promise<never> {
  for (;;) {
    say('open')
    const origin = await engine.open(originPath(order.folder))
    say('opened')
    while (order.mode === 'open') await sleep(1000)
    targets.set(originDevice, origin)
    const merging = origin.snapshots.find((snapshot) => snapshot.merging !== undefined)
    if (merging === undefined) say('whole')
    for (const snapshot of origin.snapshots) {
      if (snapshot !== merging) targets.set(deviceOf(snapshot.name), snapshot)
    }
    // No snapshot can be taken before that is over.
    if (order.mode !== 'merge' && merging !== undefined) await endMerge(merging)
    if (!order.takeUnderLoad) await takeMissing(origin)
    loading = true
    const writers = Array.from({ length: depth }, writeOn)
    if (order.workersDie) writers.push(killWorkers(engine))
    say('load')
    if (order.takeUnderLoad) await takeMissing(origin)
    if (order.mode === 'steady') await Promise.all(writers)
    if (order.mode === 'merge') await Promise.all([mergeOn(origin, merging), ...writers])
    if (order.mode === 'churn') await Promise.all([churn(origin), ...writers])
    await sleep(random.int(1, 30))
    await closeUnderLoad(origin)
    await Promise.all(writers)
    targets.clear()
  }
}

async function killWorkers(engine: Engine): Promise<void> {
  while (loading) {
    await terminate(engine, () => random.next())
    await sleep(random.int(5, 60))
  }
}

async function takeMissing(origin: Origin): Promise<void> {
  for (const device of lastingDevices) if (!targets.has(device)) await take(origin, device)
}

async function churn(origin: Origin): Promise<void> {
  for (;;) {
    const passing = origin.snapshots.filter(({ name }) => deviceOf(name) > lastingDevices.length)
    for (const snapshot of passing) {
      const device = deviceOf(snapshot.name)
      await sleep(random.int(1, 12))
      say(`remove ${device}`)
      await snapshot.remove()
      targets.delete(device)
      say(`removed ${device}`)
    }
    await take(origin, nextDevice++)
    const small = origin.snapshots.find(({ name }) => isSmall(deviceOf(name)))
    // Half of them go on until they are full, unless they are extended.
    const patience = random.chance(0.5) ? 40 : 0
    for (let look = 0; look < patience && small?.usage().state === 'Valid'; look++) await sleep(5)
  }
}

async function endMerge(merging: Snapshot): Promise<void> {
  const device = deviceOf(merging.name)
  say(`again ${device}`)
  await mergeAgain(merging, { rateLimit: 2 ** 40 }).finished
  say(`merged ${device}`)
}

/** One that went on when the origin was opened may be over by now. */
function mergeAgain(snapshot: Snapshot, limits: MergeOptions): Merge {
  const before = snapshot.merging
  return before !== undefined && snapshot.closed ? before : snapshot.merge(limits)
}

/** Merge after merge, each with a snapshot that was written to for a while; the first may be one that was not done. */
async function mergeOn(origin: Origin, unfinished: Snapshot | undefined): Promise<never> {
  for (let snapshot = unfinished; ; snapshot = undefined) {
    if (snapshot === undefined) {
      while (isSmall(nextDevice)) nextDevice++
      const device = nextDevice++
      await take(origin, device)
      await sleep(random.int(10, 150))
      snapshot = origin.snapshots.find(({ name }) => deviceOf(name) === device)
      if (snapshot === undefined) throw new Error(`${device} is gone`)
      targets.delete(device)
      say(`merge ${device}`)
    } else {
      say(`again ${deviceOf(snapshot.name)}`)
    }
    await steer(snapshot)
    say(`merged ${deviceOf(snapshot.name)}`)
  }
}

function anyRate(): MergeOptions {
  return { rateLimit: 2 ** random.int(21, 26) }
}

/** Merges to the end, with all that one can do to a merge on the way. */
async function steer(snapshot: Snapshot): Promise<void> {
  const device = deviceOf(snapshot.name)
  for (let merge = mergeAgain(snapshot, anyRate()); ; ) {
    const outcome = await Promise.race([merge.finished, sleep(random.int(0, 40))])
    if (outcome === 'merged') return
    switch (random.weighted({ pause: 3, cancel: 1, limit: 2 })) {
      case 'pause':
        say('pause')
        await merge.pause()
        await sleep(random.int(0, 10))
        say('resume')
        merge.resume()
        break
      case 'cancel':
        say(`cancel ${device}`)
        await merge.cancel()
        if ((await merge.finished) === 'merged') return
        say(`cancelled ${device}`)
        await sleep(random.int(0, 20))
        say(`again ${device}`)
        merge = snapshot.merge(anyRate())
        break
      default:
        merge.limits = anyRate()
    }
  }
}

async function take(origin: Origin, device: number): Promise<void> {
  say(`take ${device}`)
  const snapshot = await origin.snapshot({
    cow: cowPath(order.folder, device),
    name: nameOf(device),
    ...storeOf(device),
  })
  say(`taken ${device}`)
  targets.set(device, snapshot)
}

async function closeUnderLoad(origin: Origin): Promise<void> {
  say('close')
  await origin.close()
  loading = false
  say('closed')
}

async function writeOn(): Promise<void> {
  while (loading) {
    const [device, volume] = random.pick([...targets])
    if (random.chance(0.005)) await outcomeOf(volume.flush(), device)
    if (targets.get(device) !== volume) continue
    const sectors = random.int(1, random.pick([2, 8, 8, writeSectorsMax]))
    const sector = Math.min(place(), originSectors - sectors)
    const number = sequence++
    const action = random.weighted({ write: 86, zero: 10, discard: 4 })
    say(`${action === 'write' ? 'write' : 'zero'} ${number} ${device} ${sector} ${sectors}`)
    const range = [sector * sectorBytes, sectors * sectorBytes] as const
    const bytes = new Uint8Array(action === 'write' ? sectors * sectorBytes : 0)
    stampSectors(bytes, { device, firstSector: sector, sequence: number })
    const outcome = await outcomeOf(
      action === 'write'
        ? volume.write(range[0], bytes)
        : action === 'zero'
          ? volume.writeZeroes(...range)
          : volume.discard(...range),
      device,
    )
    // Zeroes are written in parts where they cannot be made in place.
    say(`${action === 'zero' && outcome === 'refused' ? 'over' : outcome} ${number}`)
    // A refusal takes no time: let others run.
    if (outcome !== 'done') await sleep(1)
  }
}

/** Around a place that moves on, seldom anywhere. */
function place(): number {
  frontier += 0.5
  if (random.chance(0.03)) return random.int(0, originSectors - 1)
  return (Math.floor(frontier) + random.int(0, 400)) % originSectors
}

/** `refused`: its volume was going away, or takes no such request. `over`: it failed for a reason that is to be expected. */
async function outcomeOf(request: Promise<unknown>, device: number): Promise<'done' | 'refused' | 'over'> {
  try {
    await request
    return 'done'
  } catch (error) {
    const code = error instanceof CowringError ? error.code : ''
    // Neither an origin with snapshots nor a snapshot takes discards.
    if (code === 'DEVICE_CLOSED' || code === 'NOT_SUPPORTED') return 'refused'
    // Its merge began between two parts of the zeroes.
    if (code === 'READ_ONLY') return 'over'
    if (code === 'WORKER_DIED' && order.workersDie) return 'over'
    if (code === 'SNAPSHOT_OVERFLOW' && isSmall(device)) return 'over'
    if (code !== 'SNAPSHOT_INVALID' || !isSmall(device)) throw error
    say(`invalid ${device}`)
    return 'over'
  }
}
