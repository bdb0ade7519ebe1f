/**
 * Device numbers in texts, ours and the recorded ones, brought to the same words.
 *
 * In tables a mapped device is `@NAME`, and the storage of a prepared device is `storage of NAME`: its number differs from
 * system to system and says nothing. In error texts the kernel's own numbers remain, so there majors are taken away and
 * minors are compared.
 */
import type { DeviceStorage } from './device-storage.js'
import type { DeviceLayer } from './layer.js'

const number = /\b\d+:\d+\b/g
/** The majors that kernels give to device-mapper. */
const mapperMajor = /\b25[34]:(\d+)\b/g
const storageOf = (device: string): string => `storage of ${device}`

/** A table of ours, in a recording's words. */
export function namedTable(layer: DeviceLayer, storage: DeviceStorage, table: string): string {
  const names = new Map<string, string>()
  for (const { name, major, minor } of layer.list()) {
    names.set(`${major}:${minor}`, `@${name}`)
    for (const used of layer.deps(name)) {
      if (used.path === storage.path(name)) names.set(`${used.major}:${used.minor}`, storageOf(name))
    }
  }
  return table.replace(number, (found) => names.get(found) ?? found)
}

/** A recorded table of `device`, with the recorder's number of its storage (`1:N`) named. */
export const recordedTable = (device: string, table: string): string => table.replace(/\b1:\d+\b/g, storageOf(device))

/** A line of `dmsetup table`: of one device, or with its name in front. */
export function recordedTableLine(line: string, device: string | undefined): string {
  const owner = device ?? /^([^ :]+): /.exec(line)?.[1]
  return owner === undefined ? line : recordedTable(owner, line)
}

/** An error text or a line of the kernel's log, with minors only. `minors` are those of `@NAME`. */
export function withoutMajors(text: string, minors: ReadonlyMap<string, number>): string {
  return text
    .replace(mapperMajor, 'minor $1')
    .replace(/@([\w.-]+)/g, (found, name: string) => (minors.has(name) ? `minor ${minors.get(name)}` : found))
}

export const minorsByName = (layer: DeviceLayer): ReadonlyMap<string, number> =>
  new Map(layer.list().map(({ name, minor }) => [name, minor]))
