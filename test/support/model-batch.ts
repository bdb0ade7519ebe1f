/**
 * Many requests in flight at once, now and then with a change of the set of snapshots, or a close, in their midst. What may
 * come of them is judged by model-verdict.ts.
 */
import { type OracleOptions, type OracleSnapshot, sectorBytes } from './model-oracle.js'
import { type BatchRead, type BatchWrite, checkReads, judge, type Target } from './model-verdict.js'
import type { ModelWorld } from './model-world.js'

/** What a request is told when its volume is going away. */
const closedCode = 'DEVICE_CLOSED'

export async function batch(world: ModelWorld): Promise<string> {
  const { oracle, random } = world
  // Of overlapping writes in flight to memory, either may win in each byte: there is nothing whole to compare with.
  const overlapping = random.chance(0.4) && world.config.sources === 'file'
  const event = random.weighted({ none: 70, take: overlapping ? 0 : 12, remove: 5, close: 6 })
  const victim = event === 'remove' && oracle.snapshots.length > 0 ? random.pick(oracle.snapshots) : undefined
  const options = event === 'take' && world.hasRoomForSnapshot ? world.newOptions(true) : undefined
  const targets: Target[] = ['origin', 'origin', ...oracle.snapshots.filter((snapshot) => snapshot !== victim)]
  const { reads, writes } = plan(world, targets, overlapping)
  const before = new Map<Target, Uint8Array>([['origin', oracle.image.slice()]])
  for (const snapshot of oracle.snapshots) before.set(snapshot, snapshot.image.slice())

  const half = random.int(0, writes.length)
  const first = writes.slice(0, half).map((write) => send(world, write))
  first.push(...reads.slice(0, reads.length / 2).map((read) => fetch(world, read)))
  const waited = random.chance(0.5)
  if (waited) await Promise.all(first)
  const taking = options === undefined ? undefined : world.take(options)
  const removing = victim === undefined ? undefined : world.remove(victim)
  const closing = event === 'close' ? world.origin.close() : undefined
  const mayClose = event === 'close' ? closedCode : undefined
  const second = writes.slice(half).map((write) => send(world, write, mayClose))
  second.push(...reads.slice(reads.length / 2).map((read) => fetch(world, read, mayClose)))
  await Promise.all([...first, ...second, taking, removing, closing])

  checkReads(reads, writes, before)
  if (event === 'close') await world.reopenUnsettled()
  const handle = await taking
  const taken = options === undefined || handle === undefined ? undefined : await adopt(world, options, handle)
  const done = writes.filter(({ failure }) => failure !== closedCode)
  await judge(world, {
    writes: done,
    before,
    closed: event === 'close',
    taken,
    doneBefore: waited ? writes.slice(0, half) : [],
  })
  await world.compareAll()
  const what = `${writes.length} writes and ${reads.length} reads${overlapping ? ', overlapping' : ''}`
  return `batch of ${what}, ${event} ${victim?.options.name ?? options?.name ?? ''}`
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
      reads.push({ target, sector, found: new Uint8Array(sectors * sectorBytes), failure: undefined })
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
  const { found, sector, target } = read
  await world.withBuffer(found.length, async (buffer) => {
    read.failure = await failureOf(() => volume(world, target).read(sector * sectorBytes, buffer), target, allowed)
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
