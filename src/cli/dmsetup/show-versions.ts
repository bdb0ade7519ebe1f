/** The verbs `targets`, `target-version` and `version`. */
import type { TargetVersion } from '../../index.js'
import { packageVersion } from '../package-version.js'
import type { Call } from './context.js'
import { DmsetupFailure, ioctl } from './failure.js'
import { printJson } from './print-json.js'
import { strerror } from './strerror.js'

/** The device-mapper interface of the kernel whose semantics these are: Linux 6.1. */
const driverVersion = '4.47.0'
const einval = 22

export async function showTargetTypes(call: Call): Promise<void> {
  const targets = await ioctl('versions', '', () => call.context.mapper.targets())
  print(call, targets)
}

export async function showTargetVersions(call: Call): Promise<void> {
  const targets = await ioctl('target-version', '', () => call.context.mapper.targets())
  const found = call.words.map((word) => {
    const target = targets.find(({ name }) => name === word)
    if (target !== undefined) return target
    throw new DmsetupFailure(`device-mapper: target-version ioctl on ${word}  failed: ${strerror(einval)}`)
  })
  print(call, found)
}

export async function showVersion(call: Call): Promise<void> {
  const library = `cowring ${packageVersion()}`
  if (call.options.json === true) return printJson(call, { library, driver: driverVersion })
  call.context.stdout(`Library version:   ${library}\nDriver version:    ${driverVersion}\n`)
}

function print(call: Call, targets: readonly TargetVersion[]): void {
  const listed = targets.map(({ name, version }) => ({ name, version: version.join('.') }))
  if (call.options.json === true) printJson(call, { targets: listed })
  else for (const { name, version } of listed) call.context.stdout(`${name.padEnd(16)} v${version}\n`)
}
