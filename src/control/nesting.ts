/**
 * Which copy-on-write volumes write to which, through the tables between them; see workers/nested for what follows from it.
 */
import type { BlockFileDescriptor } from '../io/block-file.js'

/** A family, or a device's own volume: the volumes it is known by, and the files that a write to it may write to. */
export interface NestingNode {
  readonly volumes: readonly number[]
  readonly written: readonly BlockFileDescriptor[]
}

export interface Nesting {
  /** 1 for the lowest of a stack, 0 outside of one. */
  readonly level: number
  /** Equal for all of one stack; 0 outside of one. */
  readonly stack: number
}

const outside: Nesting = { level: 0, stack: 0 }

export function nestingOf<Node extends NestingNode>(nodes: readonly Node[]): Map<Node, Nesting> {
  const below = new Map<Node, Set<Node>>()
  const ownerOf = new Map(nodes.flatMap((node) => node.volumes.map((volume) => [volume, node] as const)))
  for (const node of nodes) {
    const lower = new Set<Node>()
    for (const file of node.written) {
      for (const volume of volumesIn(file)) {
        const owner = ownerOf.get(volume)
        if (owner !== undefined && owner !== node) lower.add(owner)
      }
    }
    if (lower.size > 0) below.set(node, lower)
  }
  if (below.size === 0) return new Map(nodes.map((node) => [node, outside]))
  const stacks = stacksOf(nodes, below)
  const levels = new Map<Node, number>()
  const levelOf = (node: Node): number => {
    const known = levels.get(node)
    if (known !== undefined) return known
    const level = 1 + Math.max(0, ...[...(below.get(node) ?? [])].map(levelOf))
    levels.set(node, level)
    return level
  }
  return new Map(
    nodes.map((node) => {
      const stack = stacks.get(node)
      return [node, stack === undefined ? outside : { level: levelOf(node), stack }]
    }),
  )
}

/** Numbers the connected sets of nodes, by their lowest volume; nodes that neither write nor are written are left out. */
function stacksOf<Node extends NestingNode>(nodes: readonly Node[], below: Map<Node, Set<Node>>): Map<Node, number> {
  const stacks = new Map<Node, number>()
  const neighbours = new Map<Node, Node[]>(nodes.map((node) => [node, []]))
  for (const [node, lower] of below) {
    for (const other of lower) {
      neighbours.get(node)?.push(other)
      neighbours.get(other)?.push(node)
    }
  }
  for (const node of nodes) {
    if (stacks.has(node) || neighbours.get(node)?.length === 0) continue
    const reached = new Set([node])
    for (const each of reached) for (const other of neighbours.get(each) ?? []) reached.add(other)
    const number = Math.min(...[...reached].flatMap(({ volumes }) => volumes))
    for (const each of reached) stacks.set(each, number)
  }
  return stacks
}

/** The volumes that a file is laid over. */
export function volumesIn(file: BlockFileDescriptor): number[] {
  switch (file.kind) {
    case 'volume':
      return [file.volume]
    case 'map':
      return file.parts.flatMap((part) => volumesIn(part.file))
    case 'stripes':
      return file.columns.flatMap((column) => volumesIn(column.file))
    case 'flakey':
      return volumesIn(file.file)
    default:
      return []
  }
}
