import { type ChildProcess, spawn } from 'node:child_process'
import { linkSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { afterEach, describe, expect, test } from 'vitest'
import { type OpenedSource, openSource } from '../../../src/io/open-source.js'
import { refusal, temporaryFolder } from './temporary-folder.js'

const pathOf = temporaryFolder()
const opened: OpenedSource[] = []
const children: ChildProcess[] = []

const open = (path: string, access: 'read' | 'write') => {
  const source = openSource(path, { access, backend: 'libc', role: 'origin' })
  opened.push(source)
  return source
}
const fileOf = (name: string) => {
  writeFileSync(pathOf(name), new Uint8Array(4096))
  return pathOf(name)
}

/** Another process that holds the flock of `path` until it is killed. */
async function lockElsewhere(path: string, mode: 'shared' | 'exclusive'): Promise<ChildProcess> {
  const program = `
    const descriptor = require('node:fs').openSync(process.argv[1], 'r+')
    const flock = require('koffi').load(null).func('int flock(int fd, int operation)')
    if (flock(descriptor, ${mode === 'shared' ? 1 : 2} | 4) !== 0) process.exit(1)
    console.log('locked')
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['-e', program, path], { stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(child)
  await new Promise<void>((resolve, reject) => {
    child.stdout?.once('data', () => resolve())
    child.once('exit', () => reject(new Error('the other process could not lock the file')))
  })
  return child
}

const ended = (child: ChildProcess) =>
  new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
    child.kill('SIGKILL')
  })

afterEach(() => {
  for (const source of opened.splice(0)) source.close()
  for (const child of children.splice(0)) child.kill('SIGKILL')
})

describe('a lock against other processes', () => {
  test('a file that another process has locked is refused, and the error names that process', async () => {
    const path = fileOf('elsewhere')
    const child = await lockElsewhere(path, 'exclusive')
    const error = refusal(() => open(path, 'write'))
    expect(error.code).toBe('DEVICE_BUSY')
    expect(error.facts).toMatchObject({ path, errno: 11, syscall: 'flock' })
    expect(error.facts.holder).toContain(`process ${child.pid}`)
    expect(error.facts.holder).toContain('node')
    expect(error.message).toContain(`process ${child.pid}`)
    expect(refusal(() => open(path, 'read')).code).toBe('DEVICE_BUSY')
  })

  test('a reader elsewhere lets readers in and keeps a writer out', async () => {
    const path = fileOf('reader-elsewhere')
    await lockElsewhere(path, 'shared')
    open(path, 'read')
    expect(refusal(() => open(path, 'write')).code).toBe('DEVICE_BUSY')
  })

  test('the lock of a process that was killed is gone', async () => {
    const path = fileOf('killed')
    await ended(await lockElsewhere(path, 'exclusive'))
    expect(open(path, 'write').sizeBytes).toBe(4096)
  })

  test('a file that is locked elsewhere is not extended', async () => {
    const path = pathOf('empty-elsewhere')
    writeFileSync(path, '')
    await lockElsewhere(path, 'exclusive')
    const options = { access: 'write', backend: 'libc', role: 'COW', createBytes: 8192 } as const
    expect(refusal(() => openSource(path, options)).code).toBe('DEVICE_BUSY')
    expect(readFileSync(path)).toHaveLength(0)
  })
})

describe('a lock against this process', () => {
  test('a second open for writing says that this process has it already', () => {
    const path = fileOf('twice')
    open(path, 'write')
    const error = refusal(() => open(path, 'write'))
    expect(error.code).toBe('DEVICE_BUSY')
    expect(error.facts.holder).toBe('this process')
    expect(error.message).toContain('this process has it open already')
  })

  test('readers share, and keep a writer out until the last has closed', () => {
    const path = fileOf('readers')
    const [first, second] = [open(path, 'read'), open(path, 'read')]
    expect(refusal(() => open(path, 'write')).code).toBe('DEVICE_BUSY')
    first.close()
    expect(refusal(() => open(path, 'write')).code).toBe('DEVICE_BUSY')
    second.close()
    open(path, 'write')
  })

  test('a symbolic link and a hard link are the same file: one identity, one lock', () => {
    const path = fileOf('linked')
    symlinkSync(path, pathOf('symbolic'))
    linkSync(path, pathOf('hard'))
    const first = open(path, 'write')
    for (const link of [pathOf('symbolic'), pathOf('hard')]) {
      expect(refusal(() => open(link, 'write')).facts.holder).toBe('this process')
    }
    first.close()
    const throughLink = open(pathOf('symbolic'), 'write')
    expect(throughLink.identity).toBe(first.identity)
    expect(throughLink.path).toBe(first.path)
    expect(throughLink.name).toBe('symbolic')
    throughLink.close()
    expect(open(pathOf('hard'), 'write').identity).toBe(first.identity)
  })

  test('closing twice closes once', () => {
    const source = open(fileOf('closed-twice'), 'write')
    source.close()
    const other = open(fileOf('takes-the-number'), 'write')
    source.close()
    expect(refusal(() => open(pathOf('takes-the-number'), 'read')).code).toBe('DEVICE_BUSY')
    expect(other.sizeBytes).toBe(4096)
  })
})
