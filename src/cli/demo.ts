/**
 * `cowring demo`: the main job from end to end, on an image made for it or on a copy of yours.
 *
 * Guarantees: a user's image is only read; everything made lies in one folder that is gone afterwards; answers true only if
 * every check held.
 */
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { Engine, type EngineStatistics } from '../index.js'
import { Checks } from './checks.js'
import { type Digests, Reader, takeSnapshots } from './demo-devices.js'
import { copyImage, inspectImage, isUntouched, madeImageBytes, makeImage, type UserImage } from './demo-image.js'
import { rollBack } from './demo-rollback.js'
import { compareReopened, compareWithOld, depth, overwrite, type Stage, writeFork } from './demo-steps.js'
import { printCounters, printStatistics, printStatus } from './demo-tables.js'
import { digestOfFile } from './digest.js'
import { bytes, count, duration, shortDigest } from './figures.js'
import type { Page } from './page.js'
import { makeScratchFolder } from './scratch-folder.js'
import { blockBytesOf } from './written-blocks.js'

export interface DemoOptions {
  readonly image?: string
  readonly seconds: number
  readonly folder?: string
  readonly workers?: number
}

/** Nothing this runs on writes faster; what it writes bounds how far holes and stores fill. */
const writtenBytesPerSecondMax = 2 ** 30

export async function demo(page: Page, version: string, options: DemoOptions): Promise<boolean> {
  const startedAt = performance.now()
  const userImage = options.image === undefined ? undefined : await inspectImage(options.image)
  using folder = makeScratchFolder(bytesNeeded(options.seconds, userImage), options.folder)
  const image = join(folder.path, 'disk.img')
  const stage: Stage = { page, checks: new Checks(page), reader: new Reader(page), folder: folder.path, image }

  page.title(`cowring ${version}`, 'copy-on-write snapshots of disk images, in your own process')
  page.section('The image')
  if (userImage === undefined) await makeImage(image, page)
  else await copyImage(userImage, image, page)

  const first = await firstSession(stage, options)
  await secondSession(stage, options, first.digests)

  page.section(`Throughput and latency: ${engineOf(first.statistics)}`)
  printStatistics(page, first.statistics, stage.reader.rates)
  printCounters(page, first.statistics)

  await thirdSession(stage, options, first.digests, userImage)
  return conclude(stage, startedAt, userImage)
}

/** Opens the image, takes the snapshots, overwrites, compares, forks, closes; answers what every device held at the end. */
async function firstSession(
  stage: Stage,
  options: DemoOptions,
): Promise<{ digests: Digests; statistics: EngineStatistics }> {
  const { page } = stage
  await using engine = await startEngine(options)
  await using origin = await engine.open(stage.image)
  const oldDigest = await digestOfFile(stage.image, origin.sizeBytes)
  page.line(`sha256 ${shortDigest(oldDigest)}…, read from the file without the engine`)

  page.section('Two snapshots')
  const snapshots = await takeSnapshots(origin, stage.folder, page)

  const block = bytes(blockBytesOf(origin.sizeBytes))
  page.section(`Overwriting the origin: ${block} at random places, ${depth} requests in flight`)
  const written = await overwrite(stage, origin, options.seconds)

  page.section('The origin has changed, the snapshots have not')
  const digests = await compareWithOld(stage, origin, written, oldDigest)

  page.section('A snapshot is writable: snap-b as a fork of the old image')
  const forked = await writeFork(stage, origin, snapshots, digests)
  return { digests: forked, statistics: engine.statistics() }
}

/** Opens the image in a new engine, which knows nothing but what is on disk. */
async function secondSession(stage: Stage, options: DemoOptions, digests: Digests): Promise<void> {
  await using engine = await startEngine(options)
  stage.page.section('Closed, and opened again by a new engine')
  const startedAt = performance.now()
  await using origin = await engine.open(stage.image)
  const took = duration((performance.now() - startedAt) / 1000)
  const names = origin.snapshots.map(({ name }) => name)
  stage.page.line(`The snapshots are back by themselves in ${took}: ${names.join(', ') || 'none'}`)
  await compareReopened(stage, origin, digests)

  stage.page.section("Status lines, as the kernel's dmsetup prints them")
  printStatus(stage.page, origin)
}

/** Ends with a rollback. */
async function thirdSession(
  stage: Stage,
  options: DemoOptions,
  digests: Digests,
  userImage: UserImage | undefined,
): Promise<void> {
  await using engine = await startEngine(options)
  stage.page.section('Rolled back: snap-a is merged into the origin, while writes go on')
  await using origin = await engine.open(stage.image)
  await rollBack(stage, origin, userImage, digests)
}

async function conclude(stage: Stage, startedAt: number, userImage: UserImage | undefined): Promise<boolean> {
  const { page, checks } = stage
  const seconds = duration((performance.now() - startedAt) / 1000)
  const holds = checks.failures.length === 0
  if (holds) {
    page.verdict(`Everything verified: ${count(checks.made)} checks in ${seconds}.`, true)
  } else {
    page.verdict(`NOT verified: ${checks.failures.length} of ${checks.made} checks failed.`, false)
    for (const failure of checks.failures) page.line(failure)
  }
  if (userImage !== undefined) {
    page.line(
      (await isUntouched(userImage))
        ? `${userImage.path} is as it was.`
        : `${userImage.path} was changed by another program meanwhile; this one only read it.`,
    )
  }
  return holds
}

function startEngine({ workers }: DemoOptions): Promise<Engine> {
  return Engine.start(workers === undefined ? {} : { workers })
}

function engineOf({ workers }: EngineStatistics): string {
  const cores = availableParallelism()
  return `${workers} ${workers === 1 ? 'worker' : 'workers'} on ${cores} ${cores === 1 ? 'core' : 'cores'}`
}

/** The copy, its holes as far as they get filled, and both stores as far as they do. */
function bytesNeeded(seconds: number, userImage: UserImage | undefined): number {
  const sizeBytes = userImage?.sizeBytes ?? madeImageBytes
  const occupied = userImage?.allocatedBytes ?? 0
  const growth = Math.min(sizeBytes * 1.05, seconds * writtenBytesPerSecondMax)
  return Math.ceil(occupied + 3 * growth + 2 ** 24)
}
