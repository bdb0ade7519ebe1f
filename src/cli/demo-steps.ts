/** The steps of the demo that write and compare; each prints what it found under the section it belongs to. */
import type { Origin, Snapshot } from '../index.js'
import type { Checks } from './checks.js'
import { type Digests, type Reader, snapshotNames } from './demo-devices.js'
import { bytes, bytesPerSecond, count, countPerSecond, duration, percent, shortDigest } from './figures.js'
import { LiveLine } from './live-line.js'
import type { Page } from './page.js'
import { writeAtRandom } from './write-at-random.js'
import { WrittenBlocks } from './written-blocks.js'

/** What every step needs. */
export interface Stage {
  readonly page: Page
  readonly checks: Checks
  readonly reader: Reader
  readonly folder: string
  readonly image: string
}

export const depth = 64
const forkWritesMax = 1000

/** Writes for so many seconds, with a live line, then makes it durable. Answers what each block must hold now. */
export async function overwrite(stage: Stage, origin: Origin, seconds: number): Promise<WrittenBlocks> {
  const { page, reader } = stage
  const written = new WrittenBlocks(origin.sizeBytes, 1)
  const live = new LiveLine(page)
  const endsAt = performance.now() + seconds * 1000
  const usage = (): string =>
    origin.snapshots.map((snapshot) => `${snapshot.name} ${percent(snapshot.usage().percent)}`).join('  ')
  const speed = (writes: number, took: number): string =>
    `${bytesPerSecond(writes * written.blockBytes, took)}  ${countPerSecond(writes, took)} writes/s`
  try {
    const result = await writeAtRandom(origin, written, {
      depth,
      isOver: () => performance.now() >= endsAt,
      onProgress: (progress) =>
        live.update(
          progress.seconds / seconds,
          () => `${progress.seconds.toFixed(1)} s  ${speed(progress.writes, progress.seconds)}  ${usage()}`,
        ),
    })
    await origin.flush()
    live.stop()
    reader.rates.add('originWrite', result)
    page.line(
      `${count(result.writes)} writes, ${bytes(result.bytes)}, in ${duration(result.seconds)}:  ${speed(result.writes, result.seconds)}`,
    )
    page.line(
      `${percent((100 * written.touched) / written.blocks)} of the image overwritten; used of the stores:  ${usage()}`,
    )
  } finally {
    live.stop()
  }
  return written
}

export async function compareWithOld(
  { page, checks, reader }: Stage,
  origin: Origin,
  written: WrittenBlocks,
  oldDigest: string,
): Promise<Digests> {
  const digests = await reader.digestsOf(origin, written)
  const rows = [...digests].map(([name, digest]) => {
    const isOrigin = name === 'origin'
    const wrong = isOrigin ? `the origin still has its old digest` : `${name} no longer has the old digest`
    const mark = checks.mark((digest === oldDigest) !== isOrigin, `${wrong}, ${shortDigest(digest)}…`)
    return [name, `${shortDigest(digest)}…`, mark, isOrigin ? 'another digest than before' : 'the old digest']
  })
  const { touched, different } = written
  const mark = checks.mark(
    different === 0,
    `${count(different)} of ${count(touched)} blocks of the origin do not hold their last write`,
  )
  page.table(['left', 'left', 'left', 'left'], rows)
  page.line(`${mark} each of the ${count(touched)} overwritten blocks of the origin holds its last write`)
  return digests
}

/** Writes into the second snapshot; nobody else may notice. */
export async function writeFork(
  { page, checks, reader }: Stage,
  origin: Origin,
  [, fork]: readonly [Snapshot, Snapshot],
  before: Digests,
): Promise<Digests> {
  const written = new WrittenBlocks(fork.sizeBytes, 2)
  const result = await writeAtRandom(fork, written, { depth, isOver: (begun) => begun >= forkWritesMax })
  await fork.flush()
  reader.rates.add('snapshotWrite', result)
  page.line(`${count(result.writes)} writes into ${fork.name}, ${bytes(result.bytes)}, in ${duration(result.seconds)}`)

  const digests = await reader.digestsOf(origin)
  const rows = [...digests].map(([name, digest]) => {
    const isFork = name === fork.name
    const wrong = isFork
      ? `${name} has its digest of before the writes to it`
      : `${name} changed by writes to ${fork.name}`
    const mark = checks.mark((digest === before.get(name)) !== isFork, `${wrong}, ${shortDigest(digest)}…`)
    return [name, `${shortDigest(digest)}…`, mark, isFork ? 'a digest of its own' : 'the same as before']
  })
  page.table(['left', 'left', 'left', 'left'], rows)
  return digests
}

export async function compareReopened({ page, checks, reader }: Stage, origin: Origin, before: Digests): Promise<void> {
  const digests = await reader.digestsOf(origin)
  const rows = ['origin', ...snapshotNames].map((name) => {
    const digest = digests.get(name)
    const wrong =
      digest === undefined
        ? `${name} did not come back`
        : `${name} changed over close and open, ${shortDigest(digest)}…`
    const mark = checks.mark(digest !== undefined && digest === before.get(name), wrong)
    return [name, digest === undefined ? 'missing' : `${shortDigest(digest)}…`, mark, 'the same as before closing']
  })
  page.table(['left', 'left', 'left', 'left'], rows)
}
