/** Which devices a call is about: by name, by UUID, by number, or all of them. */
import type { DeviceInfo } from '../../index.js'
import type { Call } from './context.js'
import { DmsetupFailure } from './failure.js'
import { enxio, strerror } from './strerror.js'

/** The names given; without any, the one device of `-u` or `-j -m`; `undefined` when the call is about all of them. */
export async function namedDevices(call: Call, ioctl: string): Promise<readonly string[] | undefined> {
  if (call.words.length > 0) return call.words
  if (!isChosenByNumber(call)) return undefined
  return [(await chosenDevice(call, ioctl)).name]
}

/** As above, for verbs that need one. */
export async function someDevices(call: Call, ioctl: string): Promise<readonly string[]> {
  const names = await namedDevices(call, ioctl)
  if (names === undefined) throw new DmsetupFailure('No device specified.')
  return names
}

/** Whether `-u` or `-j -m` stand for the name, so that words start with what follows a name. */
export const isChosenByNumber = ({ options }: Call): boolean =>
  options.uuid !== undefined || options.major !== undefined

/** The device of a verb that takes one name first, and the words after it. */
export async function firstDevice(call: Call, ioctl: string): Promise<{ name: string; rest: readonly string[] }> {
  if (isChosenByNumber(call)) return { name: (await chosenDevice(call, ioctl)).name, rest: call.words }
  const [name, ...rest] = call.words
  if (name === undefined) throw new DmsetupFailure('No device specified.')
  return { name, rest }
}

async function chosenDevice(call: Call, ioctl: string): Promise<DeviceInfo> {
  const { uuid, major, minor } = call.options
  const devices = await call.context.mapper.list()
  const found = devices.find((device) =>
    uuid === undefined ? device.major === major && device.minor === minor : device.uuid === uuid,
  )
  if (found !== undefined) return found
  if (ioctl === 'info' || ioctl === 'status') throw new DmsetupFailure('Device does not exist.')
  const which = uuid ?? `${major}:${minor}`
  throw new DmsetupFailure(`device-mapper: ${ioctl} ioctl on ${which}  failed: ${strerror(enxio)}`)
}
