/**
 * The end of the demo: the origin is rolled back to its first snapshot while writes go on. The old image, read again without
 * the engine, is the witness: where nothing was written since, every byte must be its.
 */
import type { Merge, Origin, Snapshot } from '../index.js'
import type { Digests } from './demo-devices.js'
import { digestOfOldImage, type UserImage } from './demo-image.js'
import type { Stage } from './demo-steps.js'
import { digestOf } from './digest.js'
import { bytes, bytesPerSecond, count, duration, shortDigest } from './figures.js'
import { LiveLine } from './live-line.js'
import { writeAtRandom } from './write-at-random.js'
import { WrittenBlocks } from './written-blocks.js'

const depth = 8
/** So slow that there is something to see; unhindered it is done in a moment. */
const secondsWanted = 2

export async function rollBack(
  stage: Stage,
  origin: Origin,
  userImage: UserImage | undefined,
  before: Digests,
): Promise<void> {
  const { page } = stage
  const [first, ...others] = origin.snapshots
  if (first === undefined) {
    page.line(`${stage.checks.mark(false, 'there is no snapshot to roll back to')} no snapshot is left`)
    return
  }
  const written = new WrittenBlocks(origin.sizeBytes, 3)
  const { chunkSectors } = first
  const { exceptions } = first.usage()
  const startedAt = performance.now()
  const merge = first.merge({ rateLimit: Math.max(1, (exceptions * chunkSectors * 512) / secondsWanted) })
  const [writes] = await Promise.all([writeMeanwhile(origin, written, merge), showProgress(stage, merge)])
  await merge.finished
  const seconds = (performance.now() - startedAt) / 1000
  const { total } = merge.current
  page.line(
    `${bytes(total)} merged in ${duration(seconds)}, ${bytesPerSecond(total, seconds)}; ${count(writes)} writes meanwhile`,
  )
  await compare(stage, origin, { first, others, written, userImage, before })
}

/** Writes at random until the merge has ended, not so much that nothing would be left to compare. */
async function writeMeanwhile(origin: Origin, written: WrittenBlocks, merge: Merge): Promise<number> {
  const writesMax = Math.ceil(written.blocks / 4)
  const isOver = (begun: number): boolean => begun >= writesMax || merge.state !== 'running'
  return (await writeAtRandom(origin, written, { depth, isOver })).writes
}

async function showProgress({ page }: Stage, merge: Merge): Promise<void> {
  const live = new LiveLine(page)
  try {
    for await (const { bytesPerSecond: speed, done, etaSeconds, total } of merge.progress) {
      const eta = etaSeconds === undefined ? '' : `  ${duration(etaSeconds)} left`
      live.update(
        total === 0 ? 0 : done / total,
        () => `merged ${bytes(done)} of ${bytes(total)}  ${bytes(speed)}/s${eta}`,
      )
    }
  } finally {
    live.stop()
  }
}

interface RolledBack {
  readonly first: Snapshot
  readonly others: readonly Snapshot[]
  readonly written: WrittenBlocks
  readonly userImage: UserImage | undefined
  readonly before: Digests
}

async function compare(
  stage: Stage,
  origin: Origin,
  { before, first, others, userImage, written }: RolledBack,
): Promise<void> {
  const { checks, page } = stage
  const found = await digestOf(withoutWritten(origin, written), {})
  const expected = await digestOfOldImage(userImage, origin.sizeBytes, (at, piece) => written.blank(at, piece))
  const rows = [
    [
      'origin',
      `${shortDigest(found)}…`,
      checks.mark(found === expected, `the origin is not the old image where nothing was written since the rollback`),
      'the old image, where nothing was written since',
    ],
  ]
  const digests = await stage.reader.digestsOf(origin, written)
  for (const { name } of others) {
    const digest = digests.get(name) ?? ''
    const mark = checks.mark(digest === before.get(name), `${name} changed by the rollback, ${shortDigest(digest)}…`)
    rows.push([name, `${shortDigest(digest)}…`, mark, 'the same as before'])
  }
  const { different, touched } = written
  const mark = checks.mark(
    different === 0,
    `${count(different)} of ${count(touched)} blocks do not hold their last write`,
  )
  page.table(['left', 'left', 'left', 'left'], rows)
  page.line(`${mark} each of the ${count(touched)} blocks written since holds its last write`)
  page.line(`${first.name}: ${first.status()}`)
}

/** A device as it would be if what was written were zeroes. */
const withoutWritten = (origin: Origin, written: WrittenBlocks) => ({
  sizeBytes: origin.sizeBytes,
  async read(byteOffset: number, into: Uint8Array): Promise<Uint8Array> {
    await origin.read(byteOffset, into)
    written.blank(byteOffset, into)
    return into
  },
})
