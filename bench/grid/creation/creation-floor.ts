/**
 * The floor of taking a snapshot: what makes an empty store durable and what makes its name remembered, with the same calls and
 * without an engine. Nobody holds requests, and no thread is told of anything.
 *
 *   COW    open, ftruncate, fsync; fsync of the folder; pread of its beginning; zeroes to area 0 and behind the header's place;
 *          fdatasync; the header; fdatasync
 *   list   the new one to a temporary file, fsync, rename, fsync of the folder
 */
import { closeSync, fdatasyncSync, fsyncSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { replaceFile, syncFolder } from '../../../src/control/replace-file.js'
import { areaChunk, geometryOf } from '../../../src/format/geometry.js'
import { diskVersion, encodeHeader } from '../../../src/format/header.js'

const headerBlockBytes = 512
const probeBytes = 4096

export function makeStoreAlone(
  path: string,
  cowBytes: number,
  chunkSectors: number,
  listPath: string,
  list: string,
): void {
  const geometry = geometryOf(chunkSectors)
  const { chunkBytes } = geometry
  const zeroes = new Uint8Array(chunkBytes)
  const header = new Uint8Array(headerBlockBytes)
  encodeHeader({ valid: true, version: diskVersion, chunkSectors }, header, 0)
  const fd = openSync(path, 'wx+', 0o600)
  try {
    ftruncateSync(fd, cowBytes)
    fsyncSync(fd)
    syncFolder(dirname(path))
    readSync(fd, new Uint8Array(probeBytes), 0, probeBytes, 0)
    writeSync(fd, zeroes, 0, chunkBytes, areaChunk(geometry, 0) * chunkBytes)
    writeSync(fd, zeroes, 0, chunkBytes - headerBlockBytes, headerBlockBytes)
    fdatasyncSync(fd)
    writeSync(fd, header, 0, headerBlockBytes, 0)
    fdatasyncSync(fd)
  } finally {
    closeSync(fd)
  }
  replaceFile(listPath, list)
}
