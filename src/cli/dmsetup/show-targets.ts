/** The verbs `table` and `status`. */
import type { Call } from './context.js'
import { namedDevices } from './devices.js'
import { ioctl, query } from './failure.js'
import { infoParagraph } from './info-long.js'
import { printJson } from './print-json.js'
import { snapshotStatus, type TargetLine, targetLines, targetText } from './target-lines.js'

interface Shown {
  readonly name: string
  readonly targets: readonly TargetLine[]
}

export async function showTargets(call: Call): Promise<void> {
  const isTable = call.verb === 'table'
  if (isTable && call.options.concise === true) return showConcise(call)
  const names = await namedDevices(call, call.verb)
  const all = names ?? (await call.context.mapper.list()).map(({ name }) => name)
  const shown: Shown[] = []
  try {
    for (const name of all) {
      const text = isTable ? await tableText(call, name) : await statusText(call, name)
      const targets = targetLines(text).filter(({ type }) => (call.options.target ?? type) === type)
      shown.push({ name, targets })
      if (call.options.json !== true) await printOne(call, { name, targets }, all.length !== 1 || names === undefined)
    }
  } finally {
    if (call.options.json === true) printJson(call, { devices: shown.map((device) => jsonOf(device, isTable)) })
  }
  if (names === undefined && all.length === 0 && call.options.json !== true) call.context.stdout('No devices found\n')
}

async function showConcise(call: Call): Promise<void> {
  const names = await namedDevices(call, 'table')
  const { mapper, stdout } = call.context
  const texts: string[] = []
  for (const name of names ?? [undefined]) {
    texts.push(await ioctl('table', name ?? '', () => mapper.concise(name)))
  }
  const text = texts.filter((one) => one !== '').join(';')
  // dmsetup would print 'No devices found', which `create --concise` cannot take back.
  if (text !== '') stdout(`${text}\n`)
}

const tableText = (call: Call, name: string): Promise<string> =>
  ioctl('table', name, () => call.context.mapper.table(name, { inactive: call.options.inactive === true }))

const statusText = (call: Call, name: string): Promise<string> =>
  query('status', name, () => call.context.mapper.status(name))

async function printOne(call: Call, { name, targets }: Shown, isPrefixed: boolean): Promise<void> {
  const { stdout, mapper } = call.context
  const isVerbose = call.options.verbose === true
  if (isVerbose) stdout(infoParagraph(await query('info', name, () => mapper.info(name))))
  const prefix = isPrefixed && !isVerbose ? `${name}: ` : ''
  for (const target of targets) stdout(`${prefix}${targetText(target)}\n`)
  // A device without a table prints an empty line; one whose targets were filtered out, nothing.
  if (targets.length === 0 && call.options.target === undefined) stdout(`${prefix}\n`)
  if (isPrefixed && isVerbose) stdout('\n')
}

function jsonOf({ name, targets }: Shown, isTable: boolean): unknown {
  return {
    name,
    targets: targets.map((target) => {
      const snapshot = isTable ? undefined : snapshotStatus(target)
      return snapshot === undefined ? target : { ...target, snapshot }
    }),
  }
}
