/** Removals that a recorder did without recording them. */
import type { DeviceLayer } from './layer.js'

/** Removes a device, and before it every device whose live or inactive table uses it. */
export async function removeWithUsers(layer: DeviceLayer, name: string): Promise<void> {
  for (const user of usersOf(layer, name)) await removeWithUsers(layer, user)
  if (layer.list().some((device) => device.name === name)) await layer.remove(name)
}

function usersOf(layer: DeviceLayer, name: string): readonly string[] {
  return layer
    .list()
    .filter((device) => device.name !== name)
    .filter((device) =>
      [false, true].some((inactive) => layer.deps(device.name, { inactive }).some((used) => used.name === name)),
    )
    .map((device) => device.name)
}
