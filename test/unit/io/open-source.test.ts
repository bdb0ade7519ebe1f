import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { basename, relative } from 'node:path'
import { describe, expect, test } from 'vitest'
import { blockFileFrom } from '../../../src/io/make-block-file.js'
import { identityOf, type OpenSourceOptions, openSource, type Source } from '../../../src/io/open-source.js'
import { sharedArena } from '../../support/contract-files.js'
import { refusal, temporaryFolder } from './temporary-folder.js'

const pathOf = temporaryFolder()
const open = (source: Source, options: Partial<OpenSourceOptions> = {}) =>
  openSource(source, { access: 'write', backend: 'libc', role: 'origin', ...options })

describe('an existing file', () => {
  test('gives its real path, name, identity and whole sectors', () => {
    const path = pathOf('image')
    writeFileSync(path, new Uint8Array(1000))
    const source = open(relative(process.cwd(), path))
    const { dev, ino } = statSync(path)
    expect(source).toMatchObject({
      path,
      name: 'image',
      identity: `file:${dev}:${ino}`,
      sizeBytes: 512,
      blockSectors: 1,
      created: false,
    })
    expect(identityOf(path)).toBe(source.identity)
    source.remove()
    source.close()
    expect(statSync(path).size).toBe(1000)
  })

  test('that has bytes keeps them when a size for a new one is given', () => {
    const path = pathOf('not-empty')
    writeFileSync(path, new Uint8Array(1024).fill(7))
    const source = open(path, { role: 'COW', createBytes: 1 << 20 })
    expect(source).toMatchObject({ created: false, sizeBytes: 1024 })
    source.remove()
    source.close()
    expect(readFileSync(path).every((byte) => byte === 7)).toBe(true)
  })

  test.each(['libc', 'node'] as const)('is read through the %s backend by a descriptor', (backend) => {
    const path = pathOf(`by-${backend}`)
    writeFileSync(path, new Uint8Array(1024).fill(9))
    const source = open(path, { access: 'read', backend })
    const arena = sharedArena(65536)
    const file = blockFileFrom(source.descriptor, arena)
    expect(file.read(0, 1024, 0)).toBe(0)
    expect(arena.lastIndexOf(9)).toBe(1023)
    expect(file.write(0, 512, 0)).toBe(9) // EBADF: opened for reading
    source.close()
  })
})

describe('a new file', () => {
  test('is made sparse, of the size asked for, readable by its owner only', () => {
    const path = pathOf('new')
    const source = open(path, { role: 'COW', createBytes: 1 << 30 })
    expect(source).toMatchObject({ created: true, sizeBytes: 1 << 30, path, name: 'new' })
    const status = statSync(path)
    expect(status.size).toBe(1 << 30)
    expect(status.blocks).toBeLessThan(64)
    expect(status.mode & 0o777).toBe(0o600)
    expect(refusal(() => open(path)).code).toBe('DEVICE_BUSY')
    source.close()
    expect(existsSync(path)).toBe(true)
  })

  test('is unlinked by remove, and an empty one that was extended is emptied', () => {
    const [fresh, empty] = [pathOf('fresh'), pathOf('was-empty')]
    writeFileSync(empty, '')
    for (const path of [fresh, empty]) {
      const source = open(path, { role: 'COW', createBytes: 4096 })
      expect(source.sizeBytes).toBe(4096)
      expect(source.created).toBe(path === fresh)
      source.remove()
      source.close()
    }
    expect(existsSync(fresh)).toBe(false)
    expect(statSync(empty).size).toBe(0)
  })

  test('that has been replaced by another is not unlinked by remove', () => {
    const path = pathOf('replaced')
    const source = open(path, { role: 'COW', createBytes: 4096 })
    execFileSync('mv', [path, pathOf('moved')])
    writeFileSync(path, 'of someone else')
    source.remove()
    source.close()
    expect(readFileSync(path, 'utf8')).toBe('of someone else')
  })

  test('leaves nothing behind if it cannot be as large as asked', () => {
    const path = pathOf('too-large')
    const error = refusal(() => open(path, { role: 'COW', createBytes: 2 ** 53 - 512 }))
    expect(error.code).toBe('IO_ERROR')
    expect(error.facts).toMatchObject({ path, syscall: 'ftruncate', reason: 'EFBIG' })
    expect(existsSync(path)).toBe(false)
  })

  test.each([0, 100, -512, 512.5, Number.NaN, 2 ** 63])('of %d bytes is refused before anything is made', (bytes) => {
    const path = pathOf('wrong-size')
    expect(refusal(() => open(path, { role: 'COW', createBytes: bytes })).code).toBe('INVALID_ARGUMENT')
    expect(existsSync(path)).toBe(false)
  })

  test('is not made in a folder that does not exist, nor through a link to nothing', () => {
    expect(refusal(() => open(pathOf('no/such'), { createBytes: 512 })).code).toBe('DEVICE_MISSING')
    symlinkSync(pathOf('nothing'), pathOf('dangling'))
    const error = refusal(() => open(pathOf('dangling'), { createBytes: 512 }))
    expect(error.code).toBe('IO_ERROR')
    expect(error.facts.reason).toBe('EEXIST')
  })
})

describe('what is refused', () => {
  test('a missing file, with what to do', () => {
    const error = refusal(() => open(pathOf('missing'), { role: 'COW' }))
    expect(error.code).toBe('DEVICE_MISSING')
    expect(error.facts.path).toBe(pathOf('missing'))
    expect(error.message).toContain('Check the path.')
    expect(identityOf(pathOf('missing'))).toBeUndefined()
    writeFileSync(pathOf('no-folder'), '')
    expect(refusal(() => open(pathOf('no-folder/file'))).code).toBe('DEVICE_MISSING')
  })

  test('a directory, a character device and a FIFO, by what they are, without opening them', () => {
    mkdirSync(pathOf('folder'))
    execFileSync('mkfifo', [pathOf('fifo')])
    for (const [path, reason] of [
      [pathOf('folder'), 'a directory'],
      ['/dev/null', 'a character device'],
      [pathOf('fifo'), 'a pipe or socket'],
    ] as const) {
      const error = refusal(() => open(path))
      expect(error.code).toBe('DEVICE_UNSUPPORTED')
      expect(error.facts).toMatchObject({ path, reason })
    }
  })

  test('an empty file: as an origin it is no device, as a COW it is too small', () => {
    writeFileSync(pathOf('empty'), '')
    expect(refusal(() => open(pathOf('empty'))).code).toBe('DEVICE_UNSUPPORTED')
    expect(refusal(() => open(pathOf('empty'), { role: 'COW' })).code).toBe('COW_TOO_SMALL')
    truncateSync(pathOf('empty'), 511)
    expect(refusal(() => open(pathOf('empty'), { role: 'COW', createBytes: 4096 })).code).toBe('COW_TOO_SMALL')
  })

  test('a file that may not be opened, with errno and system call', () => {
    const running = process.execPath
    const error = refusal(() => open(running))
    expect(error.code).toBe('IO_ERROR')
    expect(error.facts).toMatchObject({ syscall: 'open' })
    expect(['ETXTBSY', 'EACCES', 'EROFS']).toContain(error.facts.reason)
    expect(error.message).toContain(basename(running))
  })
})
