/**
 * What a replay drives: the device-mapper layer, and its command line in the same process. The engine's mapper fits it as
 * it is. Offsets and lengths are in bytes.
 */
import type { Mapper } from '../../../src/control/mapper.js'

export interface RequestVolume {
  read(offset: number, length: number): Promise<Uint8Array>
  write(offset: number, bytes: Uint8Array): Promise<void>
  flush(): Promise<void>
  discard(offset: number, length: number): Promise<void>
  writeZeroes(offset: number, length: number): Promise<void>
  close(): Promise<void>
}

export type DeviceLayer = Pick<
  Mapper,
  'create' | 'load' | 'suspend' | 'resume' | 'remove' | 'table' | 'status' | 'info' | 'deps' | 'list' | 'targets'
> & { open(name: string): Promise<RequestVolume> }

/** What a command line of dmsetup came to. */
export interface Answer {
  readonly rc: number
  readonly out: readonly string[]
  readonly err: readonly string[]
}

/** Runs `dmsetup WORDS…`. */
export type RunDmsetup = (words: readonly string[]) => Promise<Answer>

/** The device as the layer shows it; `undefined` if there is none of that name. */
export const deviceInfo = (layer: DeviceLayer, name: string) => layer.list().find((device) => device.name === name)

/** Opens a device for one action. A device that is open cannot be removed, so none stays open. */
export async function withVolume<T>(
  layer: DeviceLayer,
  name: string,
  action: (volume: RequestVolume) => Promise<T>,
): Promise<T> {
  const volume = await layer.open(name)
  try {
    return await action(volume)
  } finally {
    await volume.close()
  }
}
