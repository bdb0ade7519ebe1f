/**
 * Puts simulated files, time and threads in the place of the system's, for the whole process: node:fs and libc's calls on paths below
 * `folder` and on descriptors of theirs, clocks, timers, tasks, and what puts a thread to sleep or wakes it.
 *
 * Guarantees: the engine's code above these calls is the one that ships, koffi's bindings and all. Whatever is not simulated
 * (modules, other paths) goes to the real system.
 * Requires: `interpose` before the engine's modules are loaded, since some take a function into a constant.
 */
import fs from 'node:fs'
import { createRequire, syncBuiltinESMExports } from 'node:module'
import timersPromises from 'node:timers/promises'
import { promisify } from 'node:util'
import { errnos, folder, type SimulatedFile, type SimulatedFiles, SystemFailure } from './simulated-files.js'
import type { Sleepers } from './sleepers.js'
import type { VirtualTime } from './virtual-time.js'

/** The parts of a simulated system, changed from run to run. */
export interface SimulatedSystem {
  readonly files: SimulatedFiles
  readonly time: VirtualTime
  readonly sleepers: Sleepers
  /** Called at every atomic operation: others may go on here. */
  readonly point: () => void
  /** Called when a thread offers the processor. */
  readonly yieldProcessor: () => void
}

/** The clocks and tasks of the real process, for whoever runs the simulation. */
export const real = {
  setImmediate: globalThis.setImmediate,
  nowMs: performance.now.bind(performance),
}

let system: SimulatedSystem | undefined

/** From here on these are the system; none, between runs. */
export function become(next: SimulatedSystem | undefined): void {
  system = next
}

const names = new Map<number, string>(Object.entries(errnos).map(([name, number]) => [number, name]))

function present(): SimulatedSystem {
  if (system === undefined) throw new Error('no system is simulated now')
  return system
}

export function interpose(): void {
  interposeFs()
  interposeLibc()
  interposeTime()
  interposeAtomics()
  interposeMemory()
  syncBuiltinESMExports()
}

// ── node:fs ───────────────────────────────────────────────────────────────────────────────────────────────────────────

const isOurs = (place: unknown): boolean =>
  typeof place === 'number'
    ? (system?.files.owns(place) ?? false)
    : typeof place === 'string' && (place === folder || place.startsWith(`${folder}/`))

function asError<Result>(syscall: string, act: () => Result): Result {
  for (;;) {
    try {
      return act()
    } catch (error) {
      if (!(error instanceof SystemFailure)) throw error
      // Node repeats an interrupted call itself.
      if (error.errno === errnos.EINTR) continue
      throw asNodeError(error, syscall)
    }
  }
}

function asNodeError({ errno }: SystemFailure, syscall: string): Error {
  const code = names.get(errno) ?? `E${errno}`
  return Object.assign(new Error(`${code}: ${syscall}`), { code, errno: -errno, syscall })
}
type Call = (...parameters: never[]) => unknown

function interposeFs(): void {
  const functions = fs as unknown as Record<string, Call>
  const replace = (name: string, ours: (files: SimulatedFiles, ...parameters: never[]) => unknown): void => {
    const theirs = functions[name] as (...parameters: unknown[]) => unknown
    functions[name] = ((...parameters: unknown[]) =>
      isOurs(parameters[0])
        ? asError(name, () => ours(present().files, ...(parameters as never[])))
        : theirs(...parameters)) as Call
  }
  const exists = (files: SimulatedFiles, path: string) =>
    path === folder || files.named(files.nameOf(path)) !== undefined
  const statOf = (files: SimulatedFiles, path: string, options?: { bigint?: boolean; throwIfNoEntry?: boolean }) => {
    if (path === folder) return status('folder', options)
    const file = files.named(files.nameOf(path))
    if (file === undefined && options?.throwIfNoEntry === false) return undefined
    if (file === undefined) throw new SystemFailure(errnos.ENOENT)
    return status(file, options)
  }
  replace('existsSync', exists)
  replace('realpathSync', (files, path: string) => {
    if (!exists(files, path)) throw new SystemFailure(errnos.ENOENT)
    return path
  })
  replace('statSync', statOf)
  replace('lstatSync', statOf)
  replace('fstatSync', (files, fd: number, options) =>
    status(files.isFolder(fd) ? 'folder' : files.fileOf(fd), options),
  )
  replace('openSync', (files, path: string, flags: number | string) => files.open(path, openingOf(flags)))
  replace('closeSync', (files, fd: number) => files.close(fd))
  replace('fsyncSync', (files, fd: number) => files.barrier(fd))
  replace('fdatasyncSync', (files, fd: number) => files.barrier(fd))
  replace('ftruncateSync', (files, fd: number, size: number) => files.resize(fd, size))
  replace('truncateSync', (files, path: string, size: number) => {
    const fd = files.open(path, openingOf(fs.constants.O_RDWR))
    files.resize(fd, size)
    files.close(fd)
  })
  replace('unlinkSync', (files, path: string) => files.unlink(path))
  replace('rmSync', (files, path: string) => {
    if (exists(files, path)) files.unlink(path)
  })
  replace('renameSync', (files, from: string, to: string) => files.rename(from, to))
  replace('writeFileSync', (files, fd: number, text: string) => {
    const bytes = Buffer.from(text)
    for (let done = 0; done < bytes.length; ) done += files.write(fd, bytes.subarray(done), done)
  })
  replace('readFileSync', (files, path: string, encoding: BufferEncoding) => {
    const fd = files.open(path, openingOf(fs.constants.O_RDONLY))
    try {
      const bytes = Buffer.alloc(files.fileOf(fd).disk.size)
      files.read(fd, bytes, 0)
      return bytes.toString(encoding)
    } finally {
      files.close(fd)
    }
  })
  replace('writeSync', (files, fd: number, bytes: Uint8Array, at: number, length: number, offset: number) =>
    files.write(fd, bytes.subarray(at, at + length), offset),
  )
  replace('readSync', (files, fd: number, bytes: Uint8Array, at: number, length: number, offset: number) =>
    files.read(fd, bytes.subarray(at, at + length), offset),
  )
  const theirRead = promisify(fs.read)
  const ourRead = async (fd: number, bytes: Uint8Array, at: number, length: number, offset: number) =>
    isOurs(fd)
      ? {
          bytesRead: asError('read', () => present().files.read(fd, bytes.subarray(at, at + length), offset)),
          buffer: bytes,
        }
      : await theirRead(fd, bytes, at, length, offset)
  functions.read = Object.assign(() => undefined, { [promisify.custom]: ourRead }) as unknown as Call
}

function openingOf(flags: number | string): { create: boolean; exclusive: boolean; truncate: boolean } {
  if (flags === 'wx') return { create: true, exclusive: true, truncate: true }
  if (flags === 'r') return { create: false, exclusive: false, truncate: false }
  if (typeof flags !== 'number') throw new Error(`the simulated system does not open with '${flags}'`)
  const has = (flag: number): boolean => (flags & flag) !== 0
  const { O_CREAT, O_EXCL, O_TRUNC } = fs.constants
  return { create: has(O_CREAT), exclusive: has(O_EXCL), truncate: has(O_TRUNC) }
}

function status(file: SimulatedFile | 'folder', options?: { bigint?: boolean }): object {
  const number = (value: number) => (options?.bigint === true ? BigInt(value) : value)
  const isFile = file !== 'folder'
  return {
    dev: number(77),
    ino: number(isFile ? file.ino : 0),
    rdev: number(0),
    size: number(isFile ? file.disk.size : 0),
    isFile: () => isFile,
    isDirectory: () => !isFile,
    isBlockDevice: () => false,
    isCharacterDevice: () => false,
  }
}

// ── libc ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Memory by the address it is said to be at. */
const regions: { readonly base: number; readonly bytes: Uint8Array }[] = []
const regionBytes = 2 ** 36

/** Views whose addresses were asked for are not needed any more. */
export function forgetMemory(): void {
  regions.length = 0
}

function addressOf(view: Uint8Array): number {
  let region = regions.find(({ bytes }) => bytes.buffer === view.buffer)
  if (region === undefined) {
    region = { base: regionBytes * (regions.length + 1), bytes: new Uint8Array(view.buffer) }
    regions.push(region)
  }
  return region.base + view.byteOffset
}

function memoryAt(address: number, byteLength: number): Uint8Array {
  const region = regions[Math.floor(address / regionBytes) - 1]
  if (region === undefined) throw new Error(`nothing lies at address ${address}`)
  return region.bytes.subarray(address - region.base, address - region.base + byteLength)
}

function interposeLibc(): void {
  const answer = (act: (files: SimulatedFiles) => number): number => {
    const { files } = present()
    try {
      return act(files)
    } catch (error) {
      if (!(error instanceof SystemFailure)) throw error
      files.lastErrno = error.errno
      return -1
    }
  }
  const done = (act: (files: SimulatedFiles) => void): number =>
    answer((files) => {
      act(files)
      return 0
    })
  const calls: Record<string, Call> = {
    pread64: (fd: number, address: number, length: number, offset: number) =>
      answer((files) => files.read(fd, memoryAt(address, length), offset)),
    pwrite64: (fd: number, address: number, length: number, offset: number) =>
      answer((files) => files.write(fd, memoryAt(address, length), offset)),
    lseek64: (fd: number) => answer((files) => files.fileOf(fd).disk.size),
    fdatasync: (fd: number) => done((files) => files.barrier(fd)),
    fallocate64: (fd: number, _mode: number, offset: number, length: number) =>
      done((files) => files.allocate(fd, offset, length)),
    flock: (fd: number, operation: number) =>
      done((files) => files.lock(fd, (operation & 2) !== 0 ? 'exclusive' : 'shared')),
    sched_yield: () => {
      present().yieldProcessor()
      return 0
    },
    memmove: (to: number, from: number, length: number) => {
      memoryAt(to, length).set(memoryAt(from, length))
      return to
    },
    memcpy: (view: Uint8Array) => addressOf(view),
  }
  const func = (prototype: string): Call => {
    const name = /(\w+)\(/.exec(prototype)?.[1] ?? ''
    const call = calls[name]
    if (call === undefined) throw new Error(`libc's ${name} is not simulated`)
    return call
  }
  const koffi = { load: () => ({ func }), errno: () => present().files.lastErrno }
  const require = createRequire(import.meta.url)
  const file = require.resolve('koffi')
  require.cache[file] = { id: file, filename: file, loaded: true, exports: koffi, children: [], paths: [] } as never
}

// ── time ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

function interposeTime(): void {
  const cancel = (handle: { cancelled: boolean } | undefined): void => {
    if (handle !== undefined) handle.cancelled = true
  }
  const { clearTimeout, setImmediate, setTimeout } = globalThis
  const globals = globalThis as unknown as Record<string, unknown>
  const now = performance.now.bind(performance)
  const dateNow = Date.now
  performance.now = () => system?.time.nowMs ?? now()
  Date.now = () => system?.time.nowMs ?? dateNow()
  globals.setImmediate = (run: () => void) => (system === undefined ? setImmediate(run) : system.time.addTask(run))
  globals.setTimeout = (run: () => void, ms = 0) =>
    system === undefined ? setTimeout(run, ms) : system.time.addTimer(ms, run)
  globals.clearTimeout = (handle: never) => (system === undefined ? clearTimeout(handle) : cancel(handle))
  const promises = timersPromises as unknown as Record<string, Call>
  const theirs = { ...promises }
  promises.setImmediate = (value: unknown) =>
    system === undefined
      ? (theirs.setImmediate as (value: unknown) => Promise<unknown>)(value)
      : new Promise((resolve) => present().time.addTask(() => resolve(value)))
  promises.setTimeout = (ms: number, value: unknown) =>
    system === undefined
      ? (theirs.setTimeout as (ms: number, value: unknown) => Promise<unknown>)(ms, value)
      : new Promise((resolve) => present().time.addTimer(ms, () => resolve(value)))
}

// ── threads ───────────────────────────────────────────────────────────────────────────────────────────────────────────

function interposeAtomics(): void {
  const functions = Atomics as unknown as Record<string, (...parameters: unknown[]) => unknown>
  for (const name of ['load', 'store', 'add', 'sub', 'and', 'or', 'exchange', 'compareExchange']) {
    const theirs = functions[name] as (a: unknown, b: unknown, c?: unknown, d?: unknown) => unknown
    functions[name] = (a, b, c, d) => {
      system?.point()
      return theirs(a, b, c, d)
    }
  }
  type Words = Int32Array
  const looked = Atomics.load
  const sleeping = Atomics as unknown as Record<'notify' | 'wait' | 'waitAsync', unknown>
  sleeping.notify = (words: Words, index: number) => system?.sleepers.notify(words, index) ?? 0
  sleeping.wait = (words: Words, index: number, seen: number, ms: number) => {
    if (looked(words, index) !== seen) return 'not-equal'
    present().sleepers.sleep(words, index, ms)
    return 'ok'
  }
  sleeping.waitAsync = (words: Words, index: number, seen: number) =>
    looked(words, index) === seen
      ? { async: true, value: present().sleepers.sleepAsync(words, index) }
      : { async: false, value: 'not-equal' }
}

/** Page-aligned memory is for O_DIRECT, and a shared WebAssembly memory for every run would keep gigabytes of addresses. */
function interposeMemory(): void {
  const globals = globalThis as unknown as { WebAssembly: { Memory: unknown } }
  const Theirs = globals.WebAssembly.Memory as new (limits: object) => object
  globals.WebAssembly.Memory = function memory(limits: { initial: number; shared?: boolean }): object {
    return limits.shared === true ? { buffer: new SharedArrayBuffer(limits.initial * 65536) } : new Theirs(limits)
  }
}
