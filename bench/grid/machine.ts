/** What a figure depends on besides the code: the machine it was measured on. */
import { readFileSync, statfsSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os'

export interface Machine {
  readonly processor: string
  readonly cores: number
  readonly memoryBytes: number
  readonly kernel: string
  readonly node: string
  /** Runnable tasks over the last minute, at the start: above zero, somebody else was measuring too. */
  readonly loadAtStart: number
  readonly tmpfs: string
  readonly disk: string
  readonly startedAt: string
  /** The first line of what each rival says its version is. */
  readonly programs: Readonly<Record<string, string>>
}

export function describeMachine(tmpfs: string, disk: string, programs: Readonly<Record<string, string>> = {}): Machine {
  return {
    processor: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    kernel: release(),
    node: process.versions.node,
    loadAtStart: loadavg()[0] ?? 0,
    tmpfs: fileSystemOf(tmpfs),
    disk: fileSystemOf(disk),
    startedAt: new Date().toISOString(),
    programs,
  }
}

export function machineText(machine: Machine): string {
  const { cores, disk, kernel, loadAtStart, memoryBytes, node, processor, tmpfs } = machine
  const gib = (memoryBytes / 2 ** 30).toFixed(0)
  return (
    `${processor}, ${cores} cores, ${gib} GiB; Linux ${kernel}, Node ${node}; memory files on ${tmpfs}, disk ${disk}; ` +
    `load at start ${loadAtStart.toFixed(2)}`
  )
}

const fileSystems = new Map([
  [0x01021994, 'tmpfs'],
  [0xef53, 'ext4'],
  [0x58465342, 'xfs'],
  [0x9123683e, 'btrfs'],
  [0x794c7630, 'overlayfs'],
])

function fileSystemOf(path: string): string {
  const { type } = statfsSync(path)
  return fileSystems.get(type) ?? `type 0x${type.toString(16)}`
}

/** Memory of this process in bytes, from the kernel: what is in RAM and its own. */
export function anonymousBytes(): number {
  const rollup = readFileSync('/proc/self/smaps_rollup', 'utf8')
  const kib = /^Anonymous:\s+(\d+) kB$/m.exec(rollup)?.[1]
  return Number(kib ?? Number.NaN) * 1024
}
