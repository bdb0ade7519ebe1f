/** Files and arenas for the BlockFile contract. */
import { closeSync, fstatSync, ftruncateSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pageAlignedMemory } from '../../src/base/page-aligned-memory.js'
import type { BlockFile } from '../../src/io/block-file.js'
import type { ContractSubject } from '../contract/block-file-contract.js'

const pageBytes = 65536

/** Page-aligned shared memory, as the engine's arena is. */
export function sharedArena(byteLength: number): Uint8Array {
  return new Uint8Array(pageAlignedMemory(Math.ceil(byteLength / pageBytes) * pageBytes))
}

/** A contract subject over a temporary regular file. */
export function regularFileSubject(
  byteLength: number,
  blockFile: (fd: number, arena: Uint8Array) => BlockFile,
): ContractSubject {
  const folder = mkdtempSync(join(tmpdir(), 'cowring-contract-'))
  const fd = openSync(join(folder, 'file'), 'w+')
  ftruncateSync(fd, byteLength)
  const arena = sharedArena(8 << 20)
  let open = true
  const close = () => {
    if (open) closeSync(fd)
    open = false
  }
  return {
    arena,
    another: () => blockFile(fd, arena),
    occupiedBytes: () => fstatSync(fd).blocks * 512,
    resize: (bytes) => ftruncateSync(fd, bytes),
    close,
    dispose: () => {
      close()
      rmSync(folder, { recursive: true })
    },
  }
}
