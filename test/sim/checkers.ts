/** What watches every run from inside: the rules of docs/concurrency.md, looked at as they are kept. */
import { DiskRules } from './checkers/disk-rules.js'
import { KeyRules } from './checkers/key-rules.js'
import { watchWith } from './checkers/probes.js'
import { originName, type World } from './world.js'

export function watchRules(world: World): void {
  const disk = new DiskRules(world)
  const keys = new KeyRules(world)
  world.files.witness = disk
  world.files.onRead = (file, offset, byteLength) => {
    if (file.name === originName) keys.originRead(offset, byteLength)
  }
  world.schedule.onThread = (thread) => keys.watch(thread.ctx)
  world.onCrash = () => {
    disk.clear()
    keys.clear()
  }
  watchWith(keys)
}

export const stopWatching = (): void => watchWith(undefined)
