/**
 * Many requests in flight at once, now and then with a change of the set of snapshots, or a close, in their midst. What may
 * come of them is judged by model-verdict.ts.
 */
import { anyLimits, mergeOf, rest, settle } from './model-merge.js'
import { type OracleOptions, type OracleSnapshot, sectorBytes } from './model-oracle.js'
import { type BatchRead, type BatchWrite, checkReads, checkReadsOfMerge, judge, type Target } from './model-verdict.js'
import type { ModelWorld } from './model-world.js'

/** What a request is told when its volume is going away. */
const closedCode = 'DEVICE_CLOSED'
/** What a write is told when its snapshot is being merged. */
const readOnlyCode = 'READ_ONLY'

type Event = 'none' | 'take' | 'remove' | 'close' | 'merge' | 'pause' | 'resume' | 'cancel'

export async function batch(world: ModelWorld): Promise<string> {
  const { oracle, random } = world
  // The oracle begins with what it knows for sure; then a merge may go on.
  const wasRunning = await rest(world)
  settle(world)
  if (wasRunning || random.chance(0.3)) mergeOf(world)?.resume()
  // Of overlapping writes in flight to memory, either may win in each byte: there is nothing whole to compare with.
  const overlapping = random.chance(0.4) && world.config.sources === 'file'
  const event = anyEvent(world, overlapping)
  const { merging } = oracle
  const others = oracle.snapshots.filter((snapshot) => snapshot !== merging)
  const victim = event === 'remove' && others.length > 0 ? random.pick(others) : undefined
  const options = event === 'take' && world.hasRoomForSnapshot ? world.newOptions(true) : undefined
  const targets: Target[] = ['origin', 'origin', ...others.filter((snapshot) => snapshot !== victim)]
  const { reads, writes } = plan(world, targets, overlapping)
  const before = new Map<Target, Uint8Array>([['origin', oracle.image.slice()]])
  for (const snapshot of others) before.set(snapshot, snapshot.image.slice())

  const half = random.int(0, writes.length)
  const early = writes.slice(0, half)
  const late = writes.slice(half)
  const earlyReads = reads.slice(0, reads.length / 2)
  const lateReads = reads.slice(reads.length / 2)
  const rolledBack = event === 'merge' ? pickMergeable(world, writes) : undefined
  const first = early.map((write) => send(world, write))
  first.push(...earlyReads.map((read) => fetch(world, read)))
  const waited = random.chance(0.5)
  if (waited) await Promise.all(first)
  const taking = options === undefined ? undefined : world.take(options)
  const removing = victim === undefined ? undefined : world.remove(victim)
  const closed = event === 'close' ? world.closed() : undefined
  const closing = event === 'close' ? world.origin.close() : undefined
  const steering = steer(world, event, rolledBack)
  const mayClose = event === 'close' ? closedCode : undefined
  const second = late.map((write) => send(world, write, write.target === rolledBack ? readOnlyCode : mayClose))
  second.push(...lateReads.map((read) => fetch(world, read, read.target === rolledBack ? closedCode : mayClose)))
  await Promise.all([...first, ...second, taking, removing, closing, steering])

  checkReads(earlyReads, writes, before)
  if (rolledBack === undefined) checkReads(lateReads, writes, before)
  else checkReadsOfMerge(lateReads, rolledBack, { early, late, before })
  if (event === 'close') {
    await closed?.()
    await world.reopenUnsettled()
  }
  const handle = await taking
  const taken = options === undefined || handle === undefined ? undefined : await adopt(world, options, handle)
  if (rolledBack !== undefined) noteStart(world, rolledBack, { early, late, before })
  const goesOn = await rest(world)
  const done = writes.filter(({ failure }) => failure !== closedCode && failure !== readOnlyCode)
  await judge(world, {
    writes: done,
    before,
    closed: event === 'close',
    taken,
    doneBefore: waited ? early : [],
    merge: rolledBack === undefined ? undefined : { snapshot: rolledBack, early },
  })
  await world.compareAll()
  if (goesOn) mergeOf(world)?.resume()
  const what = `${writes.length} writes and ${reads.length} reads${overlapping ? ', overlapping' : ''}`
  const whom = victim ?? rolledBack
  return `batch of ${what}, ${event} ${whom?.options.name ?? options?.name ?? ''}${merging === undefined ? '' : ' in a merge'}`
}

function anyEvent({ config, oracle, random }: ModelWorld, overlapping: boolean): Event {
  const isMerging = oracle.merging !== undefined
  return random.weighted<Event>({
    none: 60,
    take: overlapping || isMerging ? 0 : 12,
    remove: 5,
    // What is in memory is not remembered: nobody would go on merging.
    close: isMerging && config.sources === 'memory' ? 0 : 6,
    merge: isMerging ? 0 : 12,
    pause: isMerging ? 4 : 0,
    resume: isMerging ? 4 : 0,
    cancel: isMerging ? 3 : 0,
  })
}

/** A snapshot that can be rolled back to, whatever comes of the batch. */
function pickMergeable({ oracle, random }: ModelWorld, writes: readonly BatchWrite[]): OracleSnapshot | undefined {
  const fit = oracle.snapshots.filter((snapshot) => {
    const touched = writes.filter(({ target }) => target === 'origin' || target === snapshot)
    const chunks = touched.flatMap(({ bytes, sector }) => snapshot.chunksOf(sector, bytes.length / sectorBytes))
    const fits = new Set([...snapshot.mapped, ...chunks]).size <= snapshot.capacity()
    return snapshot.persistent && snapshot.state === 'Valid' && fits
  })
  return fit.length === 0 ? undefined : random.pick(fit)
}

/** What was submitted before the merge is in the snapshot, and in nothing else any more; the snapshot takes no write after it. */
function noteStart(
  { oracle }: ModelWorld,
  rolledBack: OracleSnapshot,
  { before, early, late }: { early: BatchWrite[]; late: BatchWrite[]; before: Map<Target, Uint8Array> },
): void {
  for (const { bytes, failure, sector, target } of early) {
    if (target === rolledBack && failure !== undefined)
      throw new Error(`a write before the merge failed with ${failure}`)
    if (target !== 'origin' && target !== rolledBack) continue
    for (const snapshot of target === 'origin' ? oracle.snapshots : [target]) {
      const saved = snapshot === rolledBack ? snapshot.mapped : snapshot.must
      for (const chunk of snapshot.chunksOf(sector, bytes.length / sectorBytes)) saved.add(chunk)
    }
  }
  const written = late.find(({ failure, target }) => target === rolledBack && failure !== readOnlyCode)
  if (written !== undefined) throw new Error(`a write to what is being merged at sector ${written.sector} succeeded`)
  before.set('origin', before.get(rolledBack) ?? new Uint8Array())
  oracle.startMerge(rolledBack)
}

/** Does something with the merge, or begins one, of which the oracle will learn when the batch is judged. */
async function steer(world: ModelWorld, event: Event, rolledBack: OracleSnapshot | undefined): Promise<void> {
  if (rolledBack !== undefined) {
    world.handle(rolledBack).merge(anyLimits(world.random))
    return
  }
  const merge = mergeOf(world)
  if (event === 'pause') await merge?.pause()
  if (event === 'resume') merge?.resume()
  if (event === 'cancel') await merge?.cancel()
}

function plan(
  world: ModelWorld,
  targets: readonly Target[],
  overlapping: boolean,
): { writes: BatchWrite[]; reads: BatchRead[] } {
  const { random } = world
  const writes: BatchWrite[] = []
  const reads: BatchRead[] = []
  const used = new Map<Target, Set<number>>(targets.map((target) => [target, new Set()]))
  const hot = world.range()
  for (let left = random.int(2, 48); left > 0; left--) {
    const target = random.pick(targets)
    const { sector, sectors } = overlapping && random.chance(0.5) ? hot : world.range()
    if (random.chance(0.3)) {
      const { merging } = world.oracle
      const through = target === 'origin' && merging !== undefined && random.chance(0.3) ? merging : target
      reads.push({ target, through, sector, found: new Uint8Array(sectors * sectorBytes), failure: undefined })
      continue
    }
    if (target !== 'origin' && target.options.readOnly) continue
    const taken = used.get(target) ?? new Set()
    const range = Array.from({ length: sectors }, (_, index) => sector + index)
    if (!overlapping && range.some((at) => taken.has(at))) continue
    for (const at of range) taken.add(at)
    const bytes = world.freshBytes(target === 'origin' ? 0 : target.options.device, sector, sectors)
    writes.push({ target, sector, bytes, failure: undefined })
  }
  return { writes, reads }
}

async function adopt(
  world: ModelWorld,
  options: OracleOptions,
  handle: Awaited<ReturnType<ModelWorld['take']>>,
): Promise<OracleSnapshot> {
  const taken = world.oracle.fork(options)
  world.handles.set(taken, handle)
  taken.image.set(await handle.read(0, handle.sizeBytes))
  return taken
}

const volume = (world: ModelWorld, target: Target) => (target === 'origin' ? world.origin : world.handle(target))

async function send(world: ModelWorld, write: BatchWrite, allowed?: string): Promise<void> {
  const { bytes, sector, target } = write
  await world.withBuffer(bytes.length, async (buffer) => {
    buffer.set(bytes)
    write.failure = await failureOf(() => volume(world, target).write(sector * sectorBytes, buffer), target, allowed)
  })
}

async function fetch(world: ModelWorld, read: BatchRead, allowed?: string): Promise<void> {
  const { found, sector, through } = read
  const handle = volume(world, through)
  const mayClose = through === world.oracle.merging ? closedCode : allowed
  await world.withBuffer(found.length, async (buffer) => {
    read.failure = await failureOf(() => handle.read(sector * sectorBytes, buffer), through, mayClose)
    found.set(buffer)
  })
}

/** The code of the failure, if it is one that a snapshot may give, or one that is expected now. */
async function failureOf(
  action: () => Promise<unknown>,
  target: Target,
  allowed?: string,
): Promise<string | undefined> {
  try {
    await action()
    return undefined
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    const fromStore = target !== 'origin' && ['SNAPSHOT_INVALID', 'SNAPSHOT_OVERFLOW'].includes(code)
    if (fromStore || code === allowed) return code
    throw error
  }
}
