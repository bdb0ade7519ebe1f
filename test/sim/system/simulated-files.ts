/**
 * A folder of files on simulated disks, as a program meets them: names, descriptors, locks, and the calls on them.
 *
 * Guarantees: names are journaled, as file systems do it: a power cut leaves the changes up to some moment since the folder was last
 * synced. What a process has open and locked ends with it; its later calls answer EBADF and do nothing, so that the remains of
 * a crashed engine can harm nobody.
 */
import type { Random } from '../../support/model-random.js'
import { type DiskCall, Faults } from './faults.js'
import { SimulatedDisk, sectorBytes } from './simulated-disk.js'

export const folder = '/sim'
const firstFd = 1_000_000

export const errnos = {
  ENOENT: 2,
  EINTR: 4,
  EIO: 5,
  EBADF: 9,
  EAGAIN: 11,
  EEXIST: 17,
  ENOTDIR: 20,
  EISDIR: 21,
  ENOSPC: 28,
  EROFS: 30,
} as const

const noBytes = new Uint8Array(0)

export class SystemFailure extends Error {
  readonly errno: number

  constructor(errno: number) {
    super(`errno ${errno}`)
    this.errno = errno
  }
}

export interface SimulatedFile {
  readonly ino: number
  readonly disk: SimulatedDisk
  readonly faults: Faults
  /** A name of it, for messages. */
  name: string
  sharedLocks: number
  isLocked: boolean
}

interface Descriptor {
  readonly file: SimulatedFile | 'folder'
  readonly process: number
  lock: 'none' | 'shared' | 'exclusive'
}

interface Moment {
  readonly call: 'write' | 'barrier' | 'publish'
  after: number
  readonly act: () => void
}

/** Told of every call that changes a file, right before it does. */
export interface Witness {
  beforeWrite(file: SimulatedFile, offset: number, bytes: Uint8Array): void
  beforeZero(file: SimulatedFile, offset: number, byteLength: number): void
  afterBarrier(file: SimulatedFile): void
}

export class SimulatedFiles {
  readonly random: Random
  witness: Witness | undefined
  /** Runs at every call: others may go on, or the process ends. */
  onCall: () => void = () => {}
  onSlow: (ms: number) => void = () => {}
  onRead: (file: SimulatedFile, offset: number, byteLength: number) => void = () => {}
  lastErrno = 0
  /** Of every change asked for, and where: the same for the same run. */
  digest = 0
  #names = new Map<string, SimulatedFile>()
  #durableNames = new Map<string, SimulatedFile>()
  #nameHistory: Map<string, SimulatedFile>[] = []
  readonly #descriptors = new Map<number, Descriptor>()
  #nextFd = firstFd
  #nextIno = 1
  #process = 0
  #moments: Moment[] = []

  constructor(random: Random) {
    this.random = random
  }

  // ── for the simulator ───────────────────────────────────────────────────────────────────────────────────────────────

  make(name: string, bytes: Uint8Array): SimulatedFile {
    const file = this.#newFile(name)
    file.disk.fill(bytes)
    this.#names.set(name, file)
    this.#durableNames.set(name, file)
    return file
  }

  named(name: string): SimulatedFile | undefined {
    return this.#names.get(name)
  }

  get names(): string[] {
    return [...this.#names.keys()].sort()
  }

  /** Does something right before such a call, after so many of them. */
  before(call: Moment['call'], after: number, act: () => void): void {
    this.#moments.push({ call, after, act })
  }

  forgetMoments(): void {
    this.#moments = []
  }

  /** The process ends; the system goes on. */
  endProcess(): void {
    this.forgetMoments()
    for (const fd of [...this.#descriptors.keys()]) this.#close(fd)
    this.#process++
  }

  cutPower(): void {
    this.endProcess()
    const random = this.random
    const history = [this.#durableNames, ...this.#nameHistory]
    this.#durableNames = history[random.int(0, history.length - 1)] as Map<string, SimulatedFile>
    this.#names = new Map(this.#durableNames)
    this.#nameHistory = []
    for (const name of this.names) this.named(name)?.disk.cutPower(random)
  }

  // ── calls ───────────────────────────────────────────────────────────────────────────────────────────────────────────

  open(
    path: string,
    { create, exclusive, truncate }: { create: boolean; exclusive: boolean; truncate: boolean },
  ): number {
    this.onCall()
    if (path === folder) return this.#opened('folder')
    const name = this.nameOf(path)
    let file = this.#names.get(name)
    if (file !== undefined && create && exclusive) throw new SystemFailure(errnos.EEXIST)
    if (file === undefined) {
      if (!create) throw new SystemFailure(errnos.ENOENT)
      file = this.#newFile(name)
      this.#names.set(name, file)
      this.#namesChanged()
    }
    if (truncate) file.disk.resize(0)
    return this.#opened(file)
  }

  close(fd: number): void {
    this.#close(fd)
  }

  owns(fd: number): boolean {
    return fd >= firstFd
  }

  fileOf(fd: number): SimulatedFile {
    const file = this.#descriptor(fd).file
    if (file === 'folder') throw new SystemFailure(errnos.EISDIR)
    return file
  }

  isFolder(fd: number): boolean {
    return this.#descriptor(fd).file === 'folder'
  }

  nameOf(path: string): string {
    return path.slice(folder.length + 1)
  }

  read(fd: number, into: Uint8Array, offset: number): number {
    this.onCall()
    const file = this.fileOf(fd)
    const left = Math.max(0, Math.min(into.length, file.disk.size - offset))
    const misdeed = this.#misdeed(file, 'read')
    let moved = left
    if (misdeed?.kind === 'short' && left > sectorBytes) moved = this.random.int(1, left - 1)
    into.set(file.disk.bytes.subarray(offset, offset + moved))
    this.onRead(file, offset, moved)
    if (misdeed?.kind === 'flip' && moved > 0) {
      const bit = this.random.int(0, moved * 8 - 1)
      into[bit >> 3] = (into[bit >> 3] as number) ^ (1 << (bit & 7))
    }
    return moved
  }

  write(fd: number, bytes: Uint8Array, offset: number): number {
    this.onCall()
    this.comesTo('write')
    const file = this.fileOf(fd)
    const misdeed = this.#misdeed(file, 'write', (errno) => this.#writePart(file, bytes, offset, errno))
    if (misdeed?.kind === 'lost') return bytes.length
    if (misdeed?.kind === 'misdirected') {
      const sectors = Math.floor((file.disk.size - bytes.length) / sectorBytes)
      if (sectors > 0) file.disk.write(this.random.int(0, sectors) * sectorBytes, bytes)
      return bytes.length
    }
    const isShort = misdeed?.kind === 'short' && bytes.length > sectorBytes
    const moved = isShort
      ? this.random.int(1, Math.floor(bytes.length / sectorBytes) - 1) * sectorBytes || sectorBytes
      : bytes.length
    const part = bytes.subarray(0, moved)
    this.#note(file, offset, part)
    this.witness?.beforeWrite(file, offset, part)
    file.disk.write(offset, part)
    return moved
  }

  /** Makes a range read as zeroes. */
  allocate(fd: number, offset: number, byteLength: number): void {
    this.onCall()
    const file = this.fileOf(fd)
    this.#misdeed(file, 'allocate')
    this.witness?.beforeZero(file, offset, byteLength)
    const end = Math.min(file.disk.size, offset + byteLength)
    if (end > offset) file.disk.write(offset, new Uint8Array(end - offset))
  }

  barrier(fd: number): void {
    this.onCall()
    this.comesTo('barrier')
    if (this.isFolder(fd)) {
      this.#durableNames = new Map(this.#names)
      this.#nameHistory = []
      return
    }
    const file = this.fileOf(fd)
    this.#note(file, -1, noBytes)
    this.#misdeed(file, 'barrier', () => file.disk.failedBarrier())
    file.disk.barrier()
    this.witness?.afterBarrier(file)
  }

  resize(fd: number, size: number): void {
    this.onCall()
    const file = this.fileOf(fd)
    this.#misdeed(file, 'resize')
    file.disk.resize(size)
  }

  lock(fd: number, mode: 'shared' | 'exclusive'): void {
    const descriptor = this.#descriptor(fd)
    const file = this.fileOf(fd)
    this.#unlock(descriptor)
    if (file.isLocked || (mode === 'exclusive' && file.sharedLocks > 0)) throw new SystemFailure(errnos.EAGAIN)
    if (mode === 'exclusive') file.isLocked = true
    else file.sharedLocks++
    descriptor.lock = mode
  }

  rename(from: string, to: string): void {
    this.onCall()
    const file = this.#names.get(this.nameOf(from))
    if (file === undefined) throw new SystemFailure(errnos.ENOENT)
    this.#mustBeAlive()
    this.#names.delete(this.nameOf(from))
    this.#names.set(this.nameOf(to), file)
    file.name = this.nameOf(to)
    this.#namesChanged()
  }

  unlink(path: string): void {
    this.onCall()
    this.#mustBeAlive()
    if (!this.#names.delete(this.nameOf(path))) throw new SystemFailure(errnos.ENOENT)
    this.#namesChanged()
  }

  /** Says which process the calls that follow come from: those that name no descriptor. */
  isAlive = true

  #note({ ino }: SimulatedFile, offset: number, bytes: Uint8Array): void {
    let digest = Math.imul(this.digest ^ ino, 0x85ebca6b) ^ offset
    for (let at = 0; at < bytes.length; at += 64) digest = Math.imul(digest ^ (bytes[at] as number), 0xc2b2ae35)
    this.digest = (digest ^ (digest >>> 15)) | 0
  }

  /** Something is about to happen, or has just happened. */
  comesTo(call: Moment['call']): void {
    const due = this.#moments.filter((moment) => moment.call === call && moment.after-- <= 0)
    if (due.length === 0) return
    this.#moments = this.#moments.filter((moment) => !due.includes(moment))
    for (const { act } of due) act()
  }

  #mustBeAlive(): void {
    if (!this.isAlive) throw new SystemFailure(errnos.EBADF)
  }

  #newFile(name: string): SimulatedFile {
    this.#mustBeAlive()
    return {
      ino: this.#nextIno++,
      disk: new SimulatedDisk(),
      faults: new Faults(),
      name,
      sharedLocks: 0,
      isLocked: false,
    }
  }

  #opened(file: SimulatedFile | 'folder'): number {
    this.#mustBeAlive()
    const fd = this.#nextFd++
    this.#descriptors.set(fd, { file, process: this.#process, lock: 'none' })
    return fd
  }

  #descriptor(fd: number): Descriptor {
    const descriptor = this.#descriptors.get(fd)
    if (descriptor === undefined) throw new SystemFailure(errnos.EBADF)
    return descriptor
  }

  #close(fd: number): void {
    const descriptor = this.#descriptors.get(fd)
    if (descriptor === undefined) return
    this.#unlock(descriptor)
    this.#descriptors.delete(fd)
  }

  #unlock(descriptor: Descriptor): void {
    const { file, lock } = descriptor
    if (file === 'folder') return
    if (lock === 'exclusive') file.isLocked = false
    else if (lock === 'shared') file.sharedLocks--
    descriptor.lock = 'none'
  }

  #namesChanged(): void {
    this.#nameHistory.push(new Map(this.#names))
  }

  /** What befalls the call; throws where that is an error. */
  #misdeed(file: SimulatedFile, call: DiskCall, beforeError: (errno: number) => void = () => {}) {
    const misdeed = file.faults.next(call)
    if (misdeed?.kind === 'interrupted') throw new SystemFailure(errnos.EINTR)
    if (misdeed?.kind === 'slow') this.onSlow(misdeed.ms)
    if (misdeed?.kind === 'error') {
      beforeError(misdeed.errno)
      throw new SystemFailure(misdeed.errno)
    }
    return misdeed
  }

  /** A write that fails has written some of its sectors, as disks do; one that finds no space none. */
  #writePart(file: SimulatedFile, bytes: Uint8Array, offset: number, errno: number): void {
    if (errno === errnos.ENOSPC || offset % sectorBytes !== 0) return
    const sectors = this.random.int(0, Math.floor(bytes.length / sectorBytes))
    const end = Math.min(sectors * sectorBytes, file.disk.size - offset)
    if (end <= 0) return
    this.witness?.beforeWrite(file, offset, bytes.subarray(0, end))
    file.disk.write(offset, bytes.subarray(0, end))
  }
}
