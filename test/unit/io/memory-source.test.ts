import { describe, expect, test } from 'vitest'
import { identityOf, type OpenSourceOptions, openSource, type Source } from '../../../src/io/open-source.js'
import { refusal } from './temporary-folder.js'

const open = (source: Source, options: Partial<OpenSourceOptions> = {}) =>
  openSource(source, { access: 'write', backend: 'libc', role: 'origin', ...options })

describe('memory as a source', () => {
  test('a number is so many bytes of zeroes, each time others', () => {
    const [first, second] = [open({ memory: 5000 }), open({ memory: 5000 })]
    expect(first).toMatchObject({ path: undefined, name: 'memory', sizeBytes: 4608, blockSectors: 1, created: false })
    expect(first.identity).not.toBe(second.identity)
    first.close()
    second.close()
  })

  test('an array on shared memory is used in place', () => {
    const view = new Uint8Array(new SharedArrayBuffer(8192), 1024, 2048)
    const source = open({ memory: view })
    expect(source.descriptor).toEqual({ kind: 'memory', bytes: view.buffer, byteOffset: 1024, sizeBytes: 2048 })
    expect(identityOf({ memory: view })).toBe(source.identity)
    source.close()
  })

  test('an array on other memory is copied', () => {
    const bytes = new Uint8Array(1024).fill(3)
    const source = open({ memory: bytes })
    bytes.fill(4)
    const { descriptor } = source
    if (descriptor.kind !== 'memory') throw new Error('expected memory')
    expect(new Uint8Array(descriptor.bytes).every((byte) => byte === 3)).toBe(true)
    expect(identityOf({ memory: bytes })).toBeUndefined()
    source.close()
  })

  test('regions exclude each other where they overlap, as files do', () => {
    const buffer = new SharedArrayBuffer(4096)
    const region = (offset: number, length: number): Source => ({ memory: new Uint8Array(buffer, offset, length) })
    const first = open(region(0, 2048))
    const error = refusal(() => open(region(1024, 2048), { access: 'read' }))
    expect(error.code).toBe('DEVICE_BUSY')
    expect(error.facts.holder).toBe('this process')
    const beside = open(region(2048, 2048))
    expect(beside.identity).not.toBe(first.identity)
    first.close()
    const readers = [open(region(0, 2048), { access: 'read' }), open(region(0, 2048), { access: 'read' })]
    expect(readers[0]?.identity).toBe(first.identity)
    expect(refusal(() => open(region(0, 512))).code).toBe('DEVICE_BUSY')
    for (const source of [...readers, beside]) source.close()
    open(region(0, 4096)).close()
  })

  test('less than a sector, no number of bytes, and more than there is are refused', () => {
    expect(refusal(() => open({ memory: 0 })).code).toBe('DEVICE_UNSUPPORTED')
    expect(refusal(() => open({ memory: new Uint8Array(511) }, { role: 'COW' })).code).toBe('COW_TOO_SMALL')
    expect(refusal(() => open({ memory: -1 })).code).toBe('INVALID_ARGUMENT')
    expect(refusal(() => open({ memory: 1.5 })).code).toBe('INVALID_ARGUMENT')
    expect(refusal(() => open({ memory: 2 ** 52 })).code).toBe('LIMIT_EXCEEDED')
  })
})
