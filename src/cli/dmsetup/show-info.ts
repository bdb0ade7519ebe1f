/** The verb `info`: a paragraph for each device, or with `-c` a row. */
import type { DeviceInfo, DeviceNumber } from '../../index.js'
import { columnText } from './columns.js'
import type { Call } from './context.js'
import { namedDevices } from './devices.js'
import { ioctl, query } from './failure.js'
import { chosenFields, type DeviceRow, fieldHelp, sortRows } from './fields.js'
import { infoParagraph } from './info-long.js'
import { printJson } from './print-json.js'

export async function showInfo(call: Call): Promise<void> {
  const { options, context } = call
  const { mapper, stdout } = context
  const isColumns = options.columns === true && options.json !== true
  if (isColumns && (options.options === 'help' || options.options === '?')) return stdout(fieldHelp())
  const chosen = isColumns ? chosenFields(options.options) : []
  const names = await namedDevices(call, 'info')
  const devices: DeviceInfo[] = []
  try {
    if (names === undefined) devices.push(...(await mapper.list()))
    for (const name of names ?? []) devices.push(await query('info', name, () => mapper.info(name)))
  } finally {
    // What was found before the first missing device is printed, as by dmsetup.
    if (options.json === true) printJson(call, { devices: devices.map(infoJson) })
    else if (!isColumns) for (const device of devices) stdout(infoParagraph(device))
  }
  if (options.json === true) return
  if (devices.length === 0) return stdout('No devices found\n')
  if (!isColumns) return
  const needsUses = chosen.some(({ section }) => section === 'deps')
  const rows = sortRows(needsUses ? await rowsWithUses(call, devices) : devices.map(bareRow), options.sort)
  const cells = rows.map((row) => chosen.map(({ text }) => text(row)))
  stdout(
    columnText(chosen, cells, {
      headings: options.noheadings !== true,
      separator: options.separator,
      prefixes: options.nameprefixes === true,
    }),
  )
}

const bareRow = (info: DeviceInfo): DeviceRow => ({ info, uses: [], usedBy: [] })

async function rowsWithUses(call: Call, devices: readonly DeviceInfo[]): Promise<readonly DeviceRow[]> {
  const all = await call.context.mapper.list()
  const uses = new Map<string, readonly DeviceNumber[]>()
  for (const { name } of all) uses.set(name, await ioctl('deps', name, () => call.context.mapper.deps(name)))
  return devices.map((info) => ({
    info,
    uses: uses.get(info.name) ?? [],
    usedBy: all.filter(({ name }) => uses.get(name)?.some((used) => used.name === info.name) === true),
  }))
}

/** Written out, so that the fields of the JSON stay when the mapper's own grow. */
export const infoJson = (device: DeviceInfo) => ({
  name: device.name,
  uuid: device.uuid ?? null,
  major: device.major,
  minor: device.minor,
  sectors: device.sectors,
  suspended: device.suspended,
  readOnly: device.readOnly,
  deferredRemove: device.deferredRemove,
  live: device.live,
  inactive: device.inactive,
  openCount: device.openCount,
  eventNumber: device.eventNumber,
  targetCount: device.targetCount,
})
