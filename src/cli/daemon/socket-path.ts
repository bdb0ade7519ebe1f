/**
 * Where a socket is when nobody says: `$XDG_RUNTIME_DIR/cowring.sock` for the daemon, else in a folder of the user's own under the
 * system's temporary folder.
 */
import { lstatSync, mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { isAbsolute, join, resolve } from 'node:path'
import { CowringError } from '../../index.js'
import { checkSocketPath } from '../../nbd/unix-socket.js'

export interface SocketPlace {
  /** Of the server; a client only looks. */
  readonly makeFolder: boolean
  /** The daemon's by default. */
  readonly fileName?: string
  readonly option?: string
}

/** The path to use, absolute. Fails with INVALID_ARGUMENT, DEVICE_UNSUPPORTED. */
export function socketPath(given: string | undefined, place: SocketPlace): string {
  const { fileName = 'cowring.sock', makeFolder, option = '--socket' } = place
  const path = given === undefined ? join(defaultFolder(makeFolder), fileName) : resolve(given)
  checkSocketPath(path, option)
  return path
}

function defaultFolder(makeFolder: boolean): string {
  const runtime = process.env.XDG_RUNTIME_DIR
  if (runtime !== undefined && isAbsolute(runtime)) return runtime
  const folder = join(tmpdir(), `cowring-${process.getuid?.() ?? 'user'}`)
  if (makeFolder) mkdirSync(folder, { recursive: true, mode: 0o700 })
  refuseStrangers(folder)
  return folder
}

/** In a folder that everybody can write to, somebody else may have made this one first. */
function refuseStrangers(folder: string): void {
  const status = lstatSync(folder, { throwIfNoEntry: false })
  if (status === undefined) return
  const isOurs = status.isDirectory() && status.uid === process.getuid?.() && (status.mode & 0o077) === 0
  if (isOurs) return
  const text = `${folder} is not a folder of this user's alone; remove it, set XDG_RUNTIME_DIR, or give --socket`
  throw new CowringError('DEVICE_UNSUPPORTED', text, { path: folder })
}
