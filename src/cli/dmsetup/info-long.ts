/** `dmsetup info`: a paragraph for each device. */
import type { DeviceInfo } from '../../index.js'

export function infoParagraph(device: DeviceInfo): string {
  const marks = `${device.readOnly ? ' (READ-ONLY)' : ''}${device.deferredRemove ? ' (DEFERRED REMOVE)' : ''}`
  return [
    `Name:              ${device.name}`,
    `State:             ${device.suspended ? 'SUSPENDED' : 'ACTIVE'}${marks}`,
    // Nothing is read ahead; the line is there for those who count lines.
    'Read Ahead:        0',
    `Tables present:    ${tablesPresent(device)}`,
    `Open count:        ${device.openCount}`,
    `Event number:      ${device.eventNumber}`,
    `Major, minor:      ${device.major}, ${device.minor}`,
    `Number of targets: ${device.targetCount}`,
    ...(device.uuid === undefined || device.uuid === '' ? [] : [`UUID: ${device.uuid}`]),
    '',
    '',
  ].join('\n')
}

function tablesPresent({ live, inactive }: DeviceInfo): string {
  if (live) return inactive ? 'LIVE & INACTIVE' : 'LIVE'
  return inactive ? 'INACTIVE' : 'None'
}
