/**
 * The image the demo works on: one made for the run, or a copy of the user's, which is only ever read.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants, type Stats } from 'node:fs'
import { access, copyFile, open, stat } from 'node:fs/promises'
import { CowringError } from '../index.js'
import { digestOf } from './digest.js'
import { bytes, duration } from './figures.js'
import { LiveLine } from './live-line.js'
import type { Page } from './page.js'
import { fillPattern, seedOf } from './pattern.js'

export const madeImageBytes = 256 * 2 ** 20
const sectorBytes = 512
const pieceBytes = 2 ** 20

/** A user's image that was looked at and not yet touched. */
export interface UserImage {
  readonly path: string
  readonly sizeBytes: number
  /** What it occupies, without its holes. */
  readonly allocatedBytes: number
  readonly modifiedMs: number
}

/** Refuses what the demo cannot work on, with the reason. */
export async function inspectImage(path: string): Promise<UserImage> {
  const facts = await factsOf(path)
  const refuse = (what: string): CowringError => new CowringError('DEVICE_UNSUPPORTED', `${path} ${what}`, { path })
  if (facts.isDirectory()) throw refuse('is a directory; name an image file in it')
  if (!facts.isFile()) throw refuse('is not a regular file; the demo works on a copy of an image file')
  if (facts.size < sectorBytes) {
    throw refuse(`has ${facts.size} bytes, less than one sector of ${sectorBytes}; name a larger image`)
  }
  return { path, sizeBytes: facts.size, allocatedBytes: facts.blocks * 512, modifiedMs: facts.mtimeMs }
}

async function factsOf(path: string): Promise<Stats> {
  try {
    const facts = await stat(path)
    await access(path, constants.R_OK)
    return facts
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    const why = code === 'ENOENT' ? 'does not exist' : code === 'EACCES' ? 'may not be read by you' : String(error)
    throw new CowringError('DEVICE_MISSING', `${path} ${why}; check the path`, { path }, error)
  }
}

/** Whether the file is what it was when it was inspected, as far as its size and time of modification tell. */
export async function isUntouched(image: UserImage): Promise<boolean> {
  const { size, mtimeMs } = await factsOf(image.path)
  return size === image.sizeBytes && mtimeMs === image.modifiedMs
}

/** Makes `path`, the same bytes every time. */
export async function makeImage(path: string, page: Page): Promise<void> {
  const startedAt = performance.now()
  const file = await open(path, 'wx')
  try {
    const piece = new Uint8Array(pieceBytes)
    for (let start = 0; start < madeImageBytes; start += pieceBytes) {
      fillPattern(piece, seedOf(start / pieceBytes))
      await file.write(piece, 0, pieceBytes, start)
    }
  } finally {
    await file.close()
  }
  page.line(`${bytes(madeImageBytes)}, made for this run in ${secondsSince(startedAt)}, the same bytes every time`)
}

/** The sha256 of the image as it was at first, without the engine; `change` may change each piece before it counts. */
export async function digestOfOldImage(
  userImage: UserImage | undefined,
  sizeBytes: number,
  change: (byteOffset: number, piece: Uint8Array) => void,
): Promise<string> {
  const file = userImage === undefined ? undefined : await open(userImage.path, 'r')
  try {
    return await digestOf({
      sizeBytes,
      async read(byteOffset, into) {
        if (file === undefined) fillPattern(into, seedOf(byteOffset / pieceBytes))
        else await file.read(into, 0, into.length, byteOffset)
        change(byteOffset, into)
        return into
      },
    })
  } finally {
    await file?.close()
  }
}

/** Copies the user's image to `path`: by sharing its blocks where the file system can, else without its holes. */
export async function copyImage(image: UserImage, path: string, page: Page): Promise<void> {
  const startedAt = performance.now()
  const holes = image.allocatedBytes < image.sizeBytes ? `, ${bytes(image.allocatedBytes)} of it occupied` : ''
  page.line(`${image.path}: ${bytes(image.sizeBytes)}${holes}`)
  const isReflink = await copyByReflink(image.path, path)
  if (!isReflink) await copyBytes(image, path, page)
  const how = isReflink ? 'a reflink, sharing the blocks of your image' : 'all bytes, sparse where your image is zero'
  page.line(`Your image is never changed: this works on a copy of it (${how}; ${secondsSince(startedAt)})`)
  const rest = image.sizeBytes % sectorBytes
  if (rest > 0) page.line(`The last ${rest} bytes are no whole sector and take no part`)
}

async function copyByReflink(from: string, to: string): Promise<boolean> {
  try {
    await copyFile(from, to, constants.COPYFILE_FICLONE_FORCE)
    return true
  } catch {
    return false
  }
}

async function copyBytes(image: UserImage, path: string, page: Page): Promise<void> {
  const live = new LiveLine(page, 1000)
  const watch = setInterval(async () => {
    const copied = await stat(path).catch(() => undefined)
    const done = (copied?.size ?? 0) / image.sizeBytes
    live.update(done, () => `copying: ${bytes(copied?.size ?? 0)} of ${bytes(image.sizeBytes)}`)
  }, 200)
  try {
    const copied = await run('cp', ['--reflink=auto', '--sparse=always', '--', image.path, path])
    // A cp that knows neither option (BusyBox): lose the holes, not the copy.
    if (!copied) await copyFile(image.path, path)
  } finally {
    clearInterval(watch)
    live.stop()
  }
}

async function run(command: string, words: readonly string[]): Promise<boolean> {
  const child = spawn(command, words, { stdio: 'ignore' })
  const stop = (): boolean => child.kill()
  process.once('exit', stop)
  try {
    const [code] = await once(child, 'exit')
    return code === 0
  } catch {
    return false
  } finally {
    process.off('exit', stop)
  }
}

const secondsSince = (startedAt: number): string => duration((performance.now() - startedAt) / 1000)
