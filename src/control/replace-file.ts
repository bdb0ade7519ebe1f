/**
 * Replaces or removes a small file so that a crash at any step leaves the old content or the new, whole.
 *
 * Guarantees: when a call returns, its effect survives a power failure; when it throws, the file has its old or its new
 * content, never a mixture, and the temporary file beside it is at worst a leftover that the next call removes.
 * Requires: one writer at a time per file (the owner holds the lock of the origin).
 */
import * as nodeFs from 'node:fs'
import { dirname } from 'node:path'

/** The steps a replacement takes; a test passes its own to stop between any two. */
export type ReplaceFs = Pick<
  typeof nodeFs,
  'openSync' | 'writeFileSync' | 'fsyncSync' | 'closeSync' | 'renameSync' | 'rmSync' | 'mkdirSync'
>

export const temporaryOf = (file: string): string => `${file}.tmp`

export function replaceFile(file: string, text: string, fs: ReplaceFs = nodeFs): void {
  makeFolder(dirname(file), fs)
  const temporary = temporaryOf(file)
  try {
    writeDurably(temporary, text, fs)
    fs.renameSync(temporary, file)
  } catch (error) {
    removeLeftover(temporary, fs)
    throw error
  }
  syncFolder(dirname(file), fs)
}

export function removeFile(file: string, fs: ReplaceFs = nodeFs): void {
  const folder = dirname(file)
  if (!nodeFs.existsSync(folder)) return
  fs.rmSync(temporaryOf(file), { force: true })
  fs.rmSync(file, { force: true })
  syncFolder(folder, fs)
}

function writeDurably(temporary: string, text: string, fs: ReplaceFs): void {
  // Removed and made anew, never opened as found: a link planted under this name must not lead the write elsewhere.
  fs.rmSync(temporary, { force: true })
  const fd = fs.openSync(temporary, 'wx')
  try {
    fs.writeFileSync(fd, text)
    fs.fsyncSync(fd)
  } finally {
    fs.closeSync(fd)
  }
}

function removeLeftover(temporary: string, fs: ReplaceFs): void {
  try {
    fs.rmSync(temporary, { force: true })
  } catch {
    // The failure that led here is the one to report; the next replacement removes what is left.
  }
}

/** Makes the folder and what is missing above it, each made durable in the folder that holds it. */
function makeFolder(folder: string, fs: ReplaceFs): void {
  if (nodeFs.existsSync(folder)) return
  makeFolder(dirname(folder), fs)
  fs.mkdirSync(folder, { mode: 0o700 })
  syncFolder(dirname(folder), fs)
}

/** What became of the names in a folder is durable. */
export function syncFolder(folder: string, fs: ReplaceFs = nodeFs): void {
  const fd = fs.openSync(folder, 'r')
  try {
    fs.fsyncSync(fd)
  } finally {
    fs.closeSync(fd)
  }
}
