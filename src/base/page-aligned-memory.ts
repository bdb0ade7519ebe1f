/**
 * Shared memory that begins at a page, which O_DIRECT asks of its buffers and a plain SharedArrayBuffer does not give: a
 * shared WebAssembly memory does. Pages are touched only when used. Like every such memory it reads as zeroes at first.
 */
import { assert } from './assert.js'

const wasmPageBytes = 65536

/** The one thing used of WebAssembly, declared here because the type library that has it is the browser's. */
declare const WebAssembly: {
  readonly Memory: new (limits: {
    initial: number
    maximum: number
    shared: true
  }) => { readonly buffer: SharedArrayBuffer }
}

/** Limit: a WebAssembly memory addresses 4 GiB. */
export const pageAlignedBytesMax = 2 ** 32

/** `byteLength` is a multiple of 64 KiB. */
export function pageAlignedMemory(byteLength: number): SharedArrayBuffer {
  assert(byteLength % wasmPageBytes === 0 && byteLength <= pageAlignedBytesMax, `shared memory of ${byteLength} bytes`)
  const pages = byteLength / wasmPageBytes
  return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true }).buffer
}
