import { once } from 'node:events'
import { lstatSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { CowringError } from '../../../../src/base/errors.js'
import { claimPath, listenOn } from '../../../../src/cli/daemon/listen.js'
import { socketPath } from '../../../../src/cli/daemon/socket-path.js'

let folder: string
let path: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cowring-listen-'))
  path = join(folder, 's.sock')
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true, force: true })
})

async function start(): Promise<() => Promise<void>> {
  const held = claimPath(path)
  const server = await listenOn(path).catch((error) => {
    held.release()
    throw error
  })
  return async () => {
    await new Promise((resolve) => server.close(resolve))
    held.release()
  }
}
const codeOf = async (action: () => unknown): Promise<string> => {
  try {
    await action()
  } catch (error) {
    if (error instanceof CowringError) return error.code
    throw error
  }
  return 'done'
}

describe('a socket', () => {
  it("is its owner's alone from the first instant, and gone afterwards", async () => {
    const mask = process.umask(0)
    try {
      const stop = await start()
      expect(lstatSync(path).mode & 0o777).toBe(0o600)
      expect(process.umask()).toBe(0)
      await stop()
      expect(lstatSync(path, { throwIfNoEntry: false })).toBeUndefined()
    } finally {
      process.umask(mask)
    }
  })

  it('of a live daemon is refused, and stays as it is', async () => {
    const stop = await start()
    const { ino } = lstatSync(path)
    expect(await codeOf(start)).toBe('DEVICE_BUSY')
    expect(lstatSync(path).ino).toBe(ino)
    await stop()
    await (await start())()
  })

  it('that somebody answers on without the lock is refused as well', async () => {
    const other = createServer()
    await once(other.listen(path), 'listening')
    expect(await codeOf(start)).toBe('DEVICE_BUSY')
    await new Promise((resolve) => other.close(resolve))
  })

  it.each([
    ['a file', (at: string) => writeFileSync(at, 'mine')],
    ['a folder', (at: string) => mkdirSync(at)],
    ['a link', (at: string) => symlinkSync('/dev/null', at)],
  ])('is not made over %s', async (_, make) => {
    make(path)
    expect(await codeOf(start)).toBe('DEVICE_UNSUPPORTED')
    expect(lstatSync(path, { throwIfNoEntry: false })).toBeDefined()
  })

  it('whose path does not fit in an address is refused', () => {
    expect(() => socketPath(join(folder, 'x'.repeat(100)), { makeFolder: false })).toThrow('107 bytes')
  })
})

describe('the usual path', () => {
  it("is in the user's runtime folder, or in a folder of the user's alone", () => {
    vi.stubEnv('XDG_RUNTIME_DIR', folder)
    expect(socketPath(undefined, { makeFolder: true })).toBe(join(folder, 'cowring.sock'))
    vi.stubEnv('XDG_RUNTIME_DIR', undefined)
    vi.stubEnv('TMPDIR', folder)
    const found = socketPath(undefined, { makeFolder: true })
    expect(found).toBe(join(folder, `cowring-${process.getuid?.()}`, 'cowring.sock'))
    expect(lstatSync(join(found, '..')).mode & 0o777).toBe(0o700)
    expect(socketPath(undefined, { makeFolder: false })).toBe(found)
  })

  it.each([
    ['that others may enter', (at: string) => mkdirSync(at, { mode: 0o755 })],
    ['that is a link', (at: string) => symlinkSync('/tmp', at)],
    ['that is a file', (at: string) => writeFileSync(at, '', { mode: 0o600 })],
  ])('is not in a folder %s', (_, make) => {
    vi.stubEnv('XDG_RUNTIME_DIR', undefined)
    vi.stubEnv('TMPDIR', folder)
    make(join(folder, `cowring-${process.getuid?.()}`))
    // A file where the folder should be stops mkdir; anything else is looked at.
    expect(() => socketPath(undefined, { makeFolder: true })).toThrow()
    expect(() => socketPath(undefined, { makeFolder: false })).toThrow("not a folder of this user's alone")
  })
})
