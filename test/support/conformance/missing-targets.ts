/**
 * Commands that cannot be replayed because their table names a target that the layer does not have yet.
 *
 * Such a command can be left out alone, with the records about the device it makes, when it changes nothing else: when the
 * kernel refused it, or when it is a merge that has nothing to merge. Anything else decides what comes after it.
 */
import { type CommandRecord, deviceName, parseDmsetup } from '../recording.js'
import { decodeStore } from '../store-image.js'
import { type DeviceLayer, deviceInfo, withVolume } from './layer.js'
import { readWhole } from './request.js'

export type MissingTarget =
  /** Leave out this command; `device` was made by it, and does not exist here. */
  | { readonly kind: 'command'; readonly target: string; readonly device: string | undefined }
  /** Nothing behind it can be replayed. */
  | { readonly kind: 'end'; readonly target: string }

/** `undefined` for a command that can be run. */
export async function missingTarget(layer: DeviceLayer, record: CommandRecord): Promise<MissingTarget | undefined> {
  const { verb, name, table = [] } = parseDmsetup(record.cmd)
  const present = new Set(layer.targets().map((target) => target.name))
  const line = table.find(({ target }) => knownTargets.has(target) && !present.has(target))
  if (line === undefined) return undefined
  const { target, args } = line
  if (record.rc !== 0) return { kind: 'command', target, device: undefined }
  if (verb === 'create' && (await nothingToMerge(layer, deviceName(args[1] ?? '')))) {
    return { kind: 'command', target, device: name }
  }
  return { kind: 'end', target }
}

/** Targets of real kernels: any other name is a case of its own, which must be refused. */
const knownTargets = new Set(['snapshot-merge'])

async function nothingToMerge(layer: DeviceLayer, cow: string): Promise<boolean> {
  const info = deviceInfo(layer, cow)
  if (info === undefined) return true
  const blocks: Uint8Array[] = []
  const failed = await withVolume(layer, cow, (volume) =>
    readWhole(volume, info.sectors, (block) => blocks.push(block)),
  )
  if (failed !== undefined) return false
  const store = decodeStore(Buffer.concat(blocks))
  return store === undefined || !store.valid || store.exceptions.length === 0
}
