/** Whether the files of a measurement have room, before it begins: a folder in memory that fills up takes the machine along. */
import { statfsSync } from 'node:fs'
import { availableMemory } from 'node:process'

/** Throws when the folder, or the memory behind it, has less. */
export function mustHaveRoom(what: string, folder: string, bytes: number): void {
  const { bavail, bsize } = statfsSync(folder)
  const free = Math.min(bavail * bsize, availableMemory())
  if (free >= bytes) return
  const gib = (count: number) => (count / 2 ** 30).toFixed(1)
  throw new Error(`${folder} needs ${gib(bytes)} GiB for ${what} and has ${gib(free)}; use --quick, or another --tmpfs`)
}
