/** The verb `ls`: names, or with `--tree` what devices are made of. */
import type { DeviceInfo } from '../../index.js'
import type { Call } from './context.js'
import { ioctl } from './failure.js'
import { nameStyle } from './name-style.js'
import { printJson } from './print-json.js'
import { numberJson } from './show-deps.js'
import { targetLines } from './target-lines.js'
import { drawTree, type TreeNode, treeOf, treeStyle } from './tree.js'

/** Where there is no terminal, dmsetup draws for one of this width; and it leaves this margin. */
const columnsDefault = 80
const margin = 3

export async function showList(call: Call): Promise<void> {
  const { options, context } = call
  if (options.tree === true) return showTree(call)
  const style = nameStyle(options.options)
  const found = await context.mapper.list()
  const devices = options.target === undefined ? found : await withTarget(call, found, options.target)
  if (options.json === true) {
    return printJson(call, { devices: devices.map(({ name, major, minor }) => ({ name, major, minor })) })
  }
  if (found.length === 0) return context.stdout('No devices found\n')
  for (const { name, major, minor } of devices) {
    // dmsetup writes the pair in another way when it looks for a target.
    const numbers = options.target === undefined ? `${major}:${minor}` : `${major}, ${minor}`
    const text = { devno: numbers, blkdevname: `dm-${minor}`, devname: name }[style]
    context.stdout(`${name}\t(${text})\n`)
  }
}

async function withTarget(call: Call, devices: readonly DeviceInfo[], type: string): Promise<readonly DeviceInfo[]> {
  const found: DeviceInfo[] = []
  for (const device of devices) {
    const { name } = device
    const text = await ioctl('table', name, () =>
      call.context.mapper.table(name, { inactive: call.options.inactive === true }),
    )
    if (targetLines(text).some((target) => target.type === type)) found.push(device)
  }
  return found
}

async function showTree(call: Call): Promise<void> {
  const { options, context } = call
  const style = treeStyle(options.options, context.utf8 ?? false)
  const devices = []
  for (const info of await context.mapper.list()) {
    const uses = await ioctl('deps', info.name, () => context.mapper.deps(info.name))
    devices.push({ info, uses })
  }
  const roots = treeOf(devices, style.inverted)
  if (options.json === true) return printJson(call, { devices: roots.map(treeJson) })
  if (devices.length === 0) return context.stdout('No devices found\n')
  const columns = context.columns === undefined ? columnsDefault : context.columns - margin
  context.stdout(drawTree(roots, style, columns))
}

function treeJson({ number, children }: TreeNode): unknown {
  return { ...numberJson(number), children: children.map(treeJson) }
}
