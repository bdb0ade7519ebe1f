/**
 * The tree of `ls --tree`: every device that nothing uses, and under each what it is made of. `inverted` turns it round: files
 * at the top, under each what uses it. A device that two others use is drawn under both.
 */
import type { DeviceInfo, DeviceNumber } from '../../index.js'
import { badLine } from './failure.js'
import { blockName } from './fields.js'

export interface TreeStyle {
  readonly symbols: Symbols
  readonly device: boolean
  readonly blkdevname: boolean
  readonly active: boolean
  readonly open: boolean
  readonly rw: boolean
  readonly uuid: boolean
  readonly compact: boolean
  readonly inverted: boolean
  readonly truncates: boolean
}

interface Symbols {
  readonly empty: string
  readonly branch: string
  readonly line: string
  readonly last: string
  readonly single: string
  readonly first: string
}

const graphic = (text: string): string => `\u001b(0\u000f${text}\u001b(B`
const symbolSets = {
  ascii: { empty: '  ', branch: '|-', line: '| ', last: '`-', single: '---', first: '-+-' },
  utf: { empty: '  ', branch: '├─', line: '│ ', last: '└─', single: '───', first: '─┬─' },
  vt100: {
    empty: '  ',
    branch: graphic('tq'),
    line: `${graphic('x')} `,
    last: graphic('mq'),
    single: graphic('qqq'),
    first: graphic('qwq'),
  },
} as const satisfies Record<string, Symbols>

const switches = {
  device: { device: true },
  blkdevname: { blkdevname: true },
  nodevice: { device: false },
  active: { active: true },
  open: { open: true },
  uuid: { uuid: true },
  rw: { rw: true },
  utf: { symbols: symbolSets.utf },
  vt100: { symbols: symbolSets.vt100 },
  ascii: { symbols: symbolSets.ascii },
  inverted: { inverted: true },
  compact: { compact: true },
  notrunc: { truncates: false },
  // dmsetup takes these two and draws nothing for them either.
  status: {},
  table: {},
} as const satisfies Record<string, Partial<TreeStyle>>

/** The words of `-o`; each may be cut short. */
export function treeStyle(words: string | undefined, utf8: boolean): TreeStyle {
  const plain: TreeStyle = {
    symbols: utf8 ? symbolSets.utf : symbolSets.ascii,
    device: true,
    blkdevname: false,
    active: false,
    open: false,
    rw: false,
    uuid: false,
    compact: false,
    inverted: false,
    truncates: true,
  }
  const chosen = (words ?? '').split(',').filter((word) => word !== '')
  const changes = chosen.map((word) => {
    const found = Object.entries(switches).find(([name]) => name.startsWith(word))
    if (found !== undefined) return found[1]
    throw badLine(`Tree options not recognised: ${word}.`)
  })
  return Object.assign(plain, ...changes)
}

export interface TreeNode {
  readonly number: DeviceNumber
  readonly info: DeviceInfo | undefined
  readonly children: readonly TreeNode[]
}

export interface DeviceAndUses {
  readonly info: DeviceInfo
  readonly uses: readonly DeviceNumber[]
}

/** The roots, with everything below them. */
export function treeOf(devices: readonly DeviceAndUses[], inverted: boolean): readonly TreeNode[] {
  const numbers = new Map<string, DeviceNumber>()
  for (const { info, uses } of devices) {
    numbers.set(keyOf(info), { major: info.major, minor: info.minor, name: info.name, path: undefined })
    for (const used of uses) if (!numbers.has(keyOf(used))) numbers.set(keyOf(used), used)
  }
  const below = new Map<string, string[]>([...numbers.keys()].map((key) => [key, []]))
  const hasAbove = new Set<string>()
  for (const { info, uses } of devices) {
    for (const used of uses) {
      const [above, under] = inverted ? [keyOf(used), keyOf(info)] : [keyOf(info), keyOf(used)]
      below.get(above)?.push(under)
      hasAbove.add(under)
    }
  }
  const infos = new Map(devices.map(({ info }) => [keyOf(info), info]))
  // No table can come to use itself, so the walk ends.
  const node = (key: string): TreeNode => ({
    number: numbers.get(key) ?? { major: 0, minor: 0, name: undefined, path: undefined },
    info: infos.get(key),
    children: (below.get(key) ?? []).map(node),
  })
  return [...numbers.keys()].filter((key) => !hasAbove.has(key)).map(node)
}

const keyOf = ({ major, minor }: { readonly major: number; readonly minor: number }) => `${major}:${minor}`

/** The lines, each at most `columns` wide unless the style says otherwise. */
export function drawTree(roots: readonly TreeNode[], style: TreeStyle, columns: number): string {
  const lines: string[] = []
  const isCompact = style.compact && !style.active && !style.open && !style.rw && !style.uuid
  let line = ''
  const end = () => {
    lines.push(line)
    line = ''
  }
  const draw = (node: TreeNode, above: readonly Level[], isLast: boolean): void => {
    const isFirstOnLine = line === ''
    if (!isCompact || isFirstOnLine) line += prefix(above, isLast, style.symbols)
    const start = line.length
    if (isCompact && !isFirstOnLine) line += isLast ? style.symbols.single : style.symbols.first
    line += nodeText(node, style)
    const width = isCompact ? line.length - start : 0
    if (!isCompact || node.children.length === 0) end()
    for (const [at, child] of node.children.entries()) {
      draw(child, [...above, { width, hasMore: !isLast }], at === node.children.length - 1)
    }
  }
  for (const [at, root] of roots.entries()) draw(root, [], at === roots.length - 1)
  return lines.map((text) => `${style.truncates ? shortened(text, columns) : text}\n`).join('')
}

interface Level {
  readonly width: number
  /** Whether the node at this level has a sibling below. */
  readonly hasMore: boolean
}

function prefix(above: readonly Level[], isLast: boolean, symbols: Symbols): string {
  return above
    .map(({ width }, depth) => {
      const indent = ' '.repeat(width + 1)
      const below = above[depth + 1]
      if (below === undefined) return indent + (isLast ? symbols.last : symbols.branch)
      return indent + (below.hasMore ? symbols.line : symbols.empty)
    })
    .join('')
}

const shortened = (text: string, columns: number): string => {
  return text.length > columns ? `${text.slice(0, columns - 1)}...` : text
}

function nodeText({ number, info }: TreeNode, style: TreeStyle): string {
  const block = style.blkdevname && (number.name ?? number.path) !== undefined ? ` <${blockName(number)}>` : ''
  const device = style.device ? ` (${keyOf(number)})` : ''
  return `${number.name ?? ''}${block}${device}${info === undefined ? '' : attributes(info, style)}`
}

function attributes(info: DeviceInfo, style: TreeStyle): string {
  const words = [
    ...(style.active ? [info.suspended ? 'SUSPENDED' : 'ACTIVE'] : []),
    ...(style.rw ? [info.readOnly ? 'RO' : 'RW'] : []),
    ...(style.open ? [`${info.openCount}`] : []),
    ...(style.uuid ? [info.uuid ?? ''] : []),
  ]
  return words.length === 0 ? '' : ` [${words.join(', ')}]`
}
