/** Files and arenas for the BlockFile contract. */
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BlockFile } from '../../src/io/block-file.js'
import type { ContractSubject } from '../contract/block-file-contract.js'

/** The one thing used of WebAssembly, declared here because the type library that has it is the browser's. */
declare const WebAssembly: {
  readonly Memory: new (limits: {
    readonly initial: number
    readonly maximum: number
    readonly shared: true
  }) => { readonly buffer: SharedArrayBuffer }
}

const pageBytes = 65536

/** Page-aligned shared memory, as the engine's arena is. */
export function sharedArena(byteLength: number): Uint8Array {
  const pages = Math.ceil(byteLength / pageBytes)
  return new Uint8Array(new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true }).buffer)
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
    resize: (bytes) => ftruncateSync(fd, bytes),
    close,
    dispose: () => {
      close()
      rmSync(folder, { recursive: true })
    },
  }
}
