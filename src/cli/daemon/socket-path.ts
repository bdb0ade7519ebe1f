/**
 * Where the daemon listens when nobody says: `$XDG_RUNTIME_DIR/cowring.sock`, else in a folder of the user's own under the
 * system's temporary folder.
 */
import { lstatSync, mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { isAbsolute, join, resolve } from 'node:path'
import { CowringError } from '../../index.js'

/** A socket's address has 108 bytes, of which the last is 0. */
const pathBytesMax = 107

/** The path to use, absolute. `makeFolder` for the daemon; a client only looks. Fails with INVALID_ARGUMENT, DEVICE_UNSUPPORTED. */
export function socketPath(given: string | undefined, options: { readonly makeFolder: boolean }): string {
  const path = given === undefined ? defaultPath(options.makeFolder) : resolve(given)
  if (Buffer.byteLength(path) <= pathBytesMax) return path
  const text = `the path of a socket has at most ${pathBytesMax} bytes; ${path} is longer: give a shorter --socket`
  throw new CowringError('INVALID_ARGUMENT', text, { path })
}

function defaultPath(makeFolder: boolean): string {
  const runtime = process.env.XDG_RUNTIME_DIR
  if (runtime !== undefined && isAbsolute(runtime)) return join(runtime, 'cowring.sock')
  const folder = join(tmpdir(), `cowring-${process.getuid?.() ?? 'user'}`)
  if (makeFolder) mkdirSync(folder, { recursive: true, mode: 0o700 })
  refuseStrangers(folder)
  return join(folder, 'cowring.sock')
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
