/** The verb `deps`: what devices are made of. */
import type { DeviceNumber } from '../../index.js'
import type { Call } from './context.js'
import { namedDevices } from './devices.js'
import { ioctl, query } from './failure.js'
import { blockName } from './fields.js'
import { infoParagraph } from './info-long.js'
import { type NameStyle, nameStyle } from './name-style.js'
import { printJson } from './print-json.js'

export async function showDeps(call: Call): Promise<void> {
  const { options, context } = call
  const { mapper, stdout } = context
  const style = nameStyle(options.options)
  const names = await namedDevices(call, 'deps')
  const all = names ?? (await mapper.list()).map(({ name }) => name)
  const isPrefixed = names === undefined || names.length > 1
  const isVerbose = options.verbose === true
  const shown: { name: string; deps: readonly DeviceNumber[] }[] = []
  try {
    for (const name of all) {
      const deps = await ioctl('deps', name, () => mapper.deps(name, { inactive: options.inactive === true }))
      shown.push({ name, deps })
      if (options.json === true) continue
      if (isVerbose) stdout(infoParagraph(await query('info', name, () => mapper.info(name))))
      const listed = deps.map((device) => ` (${textOf(device, style)})`).join('')
      stdout(`${isPrefixed && !isVerbose ? `${name}: ` : ''}${deps.length} dependencies\t:${listed}\n`)
    }
  } finally {
    if (options.json === true) {
      printJson(call, { devices: shown.map(({ name, deps }) => ({ name, dependencies: deps.map(numberJson) })) })
    }
  }
  if (all.length === 0 && options.json !== true) stdout('No devices found\n')
}

function textOf(device: DeviceNumber, style: NameStyle): string {
  const numbers = `${device.major}, ${device.minor}`
  if (style === 'devno') return numbers
  if (style === 'devname' && device.name !== undefined) return device.name
  return device.name === undefined && device.path === undefined ? numbers : blockName(device)
}

export const numberJson = ({ major, minor, name, path }: DeviceNumber) => {
  return { major, minor, name: name ?? null, path: path ?? null }
}
