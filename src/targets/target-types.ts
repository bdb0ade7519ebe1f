/** The target types there are, with the versions of the kernel whose behaviour they have. */
import { type FlakeySpec, parseFlakey } from './flakey.js'
import { type LinearSpec, parseLinear } from './linear.js'
import { type ErrorSpec, parseError, parseZero, type ZeroSpec } from './plain-targets.js'
import { parseSnapshot, type SnapshotSpec } from './snapshot.js'
import { type OriginSpec, parseOrigin } from './snapshot-origin.js'
import { parseStriped, type StripedSpec } from './striped.js'
import { faultErrno, TableFault } from './table-fault.js'
import type { TableLine } from './table-text.js'

export type TargetSpec = LinearSpec | StripedSpec | ErrorSpec | ZeroSpec | FlakeySpec | OriginSpec | SnapshotSpec

export type TargetTypeName = TargetSpec['type']

interface TargetType {
  readonly version: readonly [number, number, number]
  readonly parse: (line: TableLine) => TargetSpec
}

export const targetTypes: Readonly<Record<TargetTypeName, TargetType>> = {
  snapshot: { version: [1, 16, 0], parse: parseSnapshot },
  'snapshot-origin': { version: [1, 9, 0], parse: parseOrigin },
  'snapshot-merge': { version: [1, 5, 0], parse: parseSnapshot },
  striped: { version: [1, 6, 0], parse: parseStriped },
  linear: { version: [1, 4, 0], parse: parseLinear },
  flakey: { version: [1, 5, 0], parse: parseFlakey },
  zero: { version: [1, 1, 0], parse: parseZero },
  error: { version: [1, 5, 0], parse: parseError },
}

const isTypeName = (name: string): name is TargetTypeName => Object.hasOwn(targetTypes, name)

/** Fails with TableFault. */
export function parseTarget(line: TableLine): TargetSpec {
  if (!isTypeName(line.type)) throw new TableFault(`${line.type}: unknown target type`, faultErrno.EINVAL, false)
  // The kernel's snapshot targets leave their own start out of the mapping; anywhere but at 0 that is never what was meant.
  if (line.start !== 0 && line.type.startsWith('snapshot')) {
    throw new TableFault('must start at sector 0 of its table')
  }
  return targetTypes[line.type].parse(line)
}
