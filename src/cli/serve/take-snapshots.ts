/**
 * Takes the snapshots that a command line names, all or none: what was taken is removed again if a later one fails, and a file that
 * was made is gone.
 */
import { closeSync, existsSync, openSync, readSync, realpathSync, rmSync } from 'node:fs'
import { CowringError, type Origin, type Snapshot } from '../../index.js'
import type { ServedImage } from '../../nbd/exports-of-images.js'
import type { SnapshotSpec } from './snapshot-spec.js'

/** Nobody may write to the images yet. Fails as `origin.snapshot`. */
export async function takeSnapshots(images: readonly ServedImage[], specs: readonly SnapshotSpec[]): Promise<void> {
  const undo: (() => Promise<void>)[] = []
  try {
    for (const spec of specs) {
      const { exportName, origin } = imageOf(images, spec)
      if (isAttached(origin, spec)) continue
      refuseNameOfImage(images, exportName, spec.name)
      const before = contentOf(spec.options.cow)
      const snapshot = await origin.snapshot(spec.options)
      undo.push(() => takeBack(snapshot, spec.options.cow, before))
    }
  } catch (error) {
    for (const step of undo.reverse()) await step()
    throw error
  }
}

function imageOf(images: readonly ServedImage[], { image, name }: SnapshotSpec): ServedImage {
  const [first] = images
  const found = image === undefined && images.length === 1 ? first : images.find((each) => each.exportName === image)
  if (found !== undefined) return found
  const choices = images.map(({ exportName }) => `${exportName}/${name}`).join(' or ')
  const text =
    image === undefined
      ? `with several images a snapshot is named with its own: ${choices}`
      : `there is no image '${image}' to take the snapshot '${name}' of; name it ${choices}`
  throw new CowringError('INVALID_ARGUMENT', text, { snapshot: name })
}

/** The same command line again: the image has remembered it. */
function isAttached(origin: Origin, { name, options }: SnapshotSpec): boolean {
  const known = origin.snapshots.find((snapshot) => snapshot.name === name)
  if (known?.cowPath === undefined || !existsSync(options.cow)) return false
  if (realpathSync(known.cowPath) !== realpathSync(options.cow)) return false
  refuseOtherSettings(known, options)
  return true
}

/** A size is of a COW that is made; the rest says what the store is, and this one is something else. */
function refuseOtherSettings(known: Snapshot, { chunkSectors, durability, store }: SnapshotSpec['options']): void {
  const asked = { chunk: chunkSectors, store, durability }
  const is = { chunk: known.chunkSectors, store: known.store, durability: known.durability }
  for (const key of ['chunk', 'store', 'durability'] as const) {
    if (asked[key] === undefined || asked[key] === is[key]) continue
    const text = `the image has a snapshot '${known.name}' already, with ${key}=${is[key]}; leave ${key}=${asked[key]} out, or give it another name`
    throw new CowringError('SNAPSHOT_EXISTS', text, { snapshot: known.name })
  }
}

function refuseNameOfImage(images: readonly ServedImage[], exportName: string, name: string): void {
  if (images.length > 1 || name !== exportName) return
  const text = `'${name}' is the export of the image itself; name the snapshot otherwise, or the image with --export`
  throw new CowringError('INVALID_ARGUMENT', text, { snapshot: name })
}

type Content = 'absent' | 'blank' | 'store'

/** A blank COW becomes a store, and must be blank again; a store that was there must stay. */
function contentOf(path: string): Content {
  if (!existsSync(path)) return 'absent'
  const magic = Buffer.alloc(4)
  const fd = openSync(path, 'r')
  try {
    readSync(fd, magic, 0, magic.length, 0)
  } finally {
    closeSync(fd)
  }
  return magic.readUInt32LE() === 0 ? 'blank' : 'store'
}

async function takeBack(snapshot: Snapshot, path: string, before: Content): Promise<void> {
  await snapshot.remove({ keepStore: before === 'store' })
  if (before === 'absent') rmSync(path, { force: true })
}
