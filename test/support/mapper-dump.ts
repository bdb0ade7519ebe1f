/** Everything that the mapper says about its devices, to be compared before and after. */
import { readdirSync, readlinkSync } from 'node:fs'
import type { Mapper } from 'cowring'

/** By name: a device's facts, both tables, what they use, and its status. */
export function dump(mapper: Mapper): Map<string, string> {
  return new Map(
    mapper.list().map((info) => {
      const { name } = info
      const facts = {
        info,
        table: mapper.table(name),
        inactive: mapper.table(name, { inactive: true }),
        status: mapper.status(name),
        deps: mapper.deps(name),
        inactiveDeps: mapper.deps(name, { inactive: true }),
      }
      return [name, JSON.stringify(facts)]
    }),
  )
}

/** A dump without what a refused load takes away: the device's inactive table, and with it the opens of what that used. */
export function withoutInactive(mapper: Mapper, name: string): Map<string, string> {
  const used = new Set(mapper.deps(name, { inactive: true }).map((device) => device.name))
  const kept = (text: string): object => {
    const facts = JSON.parse(text)
    const isDevice = facts.info.name === name
    if (isDevice) facts.info.inactive = facts.inactive = facts.inactiveDeps = undefined
    if (used.has(facts.info.name)) facts.info.openCount = undefined
    return facts
  }
  return new Map([...dump(mapper)].map(([each, text]) => [each, JSON.stringify(kept(text))]))
}

/** As `dmsetup info -c` shows a device: tables, suspended, mode; then its open count and what it waits for. */
export function attributes(mapper: Mapper, name: string): string {
  const info = mapper.list().find((device) => device.name === name)
  if (info === undefined) return 'gone'
  const letters = [info.live ? 'L' : '-', info.inactive ? 'I' : '-', info.suspended ? 's' : '-']
  return `${letters.join('')}${info.readOnly ? 'r' : 'w'}${info.openCount}${info.deferredRemove ? 'D' : ''}`
}

/** How many of this process's descriptors are of files in a folder. */
export function openFilesIn(folder: string): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(folder)
    } catch {
      return false
    }
  }).length
}
