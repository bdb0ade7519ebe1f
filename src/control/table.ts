/**
 * A table: targets that are built, with the devices they use open. What it prints and what its bytes resolve to.
 */
import { bytesToSectors, sectorsToBytes } from '../base/units.js'
import type { BlockFileDescriptor, MapPart } from '../io/block-file.js'
import { stripeFailures } from '../shm/stripe-failures.js'
import type { FlakeySpec } from '../targets/flakey.js'
import { flakeyTable } from '../targets/flakey.js'
import { type LinearSpec, linearTable } from '../targets/linear.js'
import { type SnapshotSpec, snapshotTable } from '../targets/snapshot.js'
import { type StripedSpec, stripedStatus, stripedTable } from '../targets/striped.js'
import { quoteWord } from '../targets/table-text.js'
import type { Device, UseMode } from './device.js'
import type { Family } from './family.js'
import { PhysicalDevice } from './physical-devices.js'
import type { StoreInstance } from './store-instance.js'

export type Target = { readonly start: number; readonly length: number; readonly devices: readonly Device[] } & (
  | { readonly type: 'linear'; readonly spec: LinearSpec }
  | { readonly type: 'striped'; readonly spec: StripedSpec; readonly failures: SharedArrayBuffer }
  | { readonly type: 'error' }
  | { readonly type: 'zero' }
  | { readonly type: 'flakey'; readonly spec: FlakeySpec; readonly startedMs: number }
  | { readonly type: 'snapshot-origin'; readonly family: Family }
  | { readonly type: 'snapshot' | 'snapshot-merge'; readonly spec: SnapshotSpec; readonly instance: StoreInstance }
)

export interface Use {
  readonly device: Device
  readonly mode: UseMode
}

export class Table {
  readonly targets: readonly Target[]
  readonly readOnly: boolean
  readonly uses: readonly Use[]
  readonly sectors: number

  constructor(targets: readonly Target[], uses: readonly Use[], readOnly: boolean) {
    this.targets = targets
    this.uses = uses
    this.readOnly = readOnly
    const last = targets.at(-1)
    this.sectors = last === undefined ? 0 : last.start + last.length
  }

  /** The devices it uses, each once, in the order they are named. */
  get devices(): Device[] {
    return [...new Set(this.targets.flatMap(({ devices }) => devices))]
  }

  get instances(): StoreInstance[] {
    return this.targets.flatMap((target) => ('instance' in target ? [target.instance] : []))
  }

  /** Whose origin it is: by a snapshot-origin, or by a snapshot-merge, which takes that one's part. */
  get families(): Family[] {
    return this.targets.flatMap((target) => {
      if (target.type === 'snapshot-origin') return [target.family]
      return target.type === 'snapshot-merge' ? [target.instance.plan.family] : []
    })
  }

  tableText(): string {
    return this.#lines((target) => tableArguments(target, (device) => device.number)).join('\n')
  }

  /** The lines of `tableText`, with paths for files: numbers of files mean nothing to another process. */
  portableLines(): string[] {
    return this.#lines((target) => tableArguments(target, portableWord))
  }

  statusText(): string {
    return this.#lines(statusArguments).join('\n')
  }

  /** What serves its bytes. */
  descriptor(): BlockFileDescriptor {
    const parts = this.targets.flatMap((target) => {
      const start = sectorsToBytes(target.start)
      const byteLength = sectorsToBytes(target.length)
      return partsOf(target, byteLength).map((part) => ({ ...part, start: start + part.start }))
    })
    return { kind: 'map', sizeBytes: sectorsToBytes(this.sectors), parts }
  }

  #lines(argumentsOf: (target: Target) => string): string[] {
    return this.targets.map((target) => `${target.start} ${target.length} ${target.type} ${argumentsOf(target)}`)
  }
}

const portableWord = (device: Device): string =>
  device instanceof PhysicalDevice && device.path !== undefined ? quoteWord(device.path) : device.number

function tableArguments(target: Target, wordOf: (device: Device) => string): string {
  const numbers = target.devices.map(wordOf)
  switch (target.type) {
    case 'linear':
      return linearTable(target.spec, numbers)
    case 'striped':
      return stripedTable(target.spec, numbers)
    case 'flakey':
      return flakeyTable(target.spec, numbers)
    case 'snapshot-origin':
      return numbers[0] ?? ''
    case 'snapshot':
    case 'snapshot-merge': {
      const { store } = target.instance.plan.spec
      return snapshotTable({ ...target.spec, store, chunkSectors: target.instance.chunkSectors }, numbers)
    }
    default:
      return ''
  }
}

function statusArguments(target: Target): string {
  if ('instance' in target) return target.instance.status()
  if (target.type !== 'striped') return ''
  const numbers = target.devices.map((device) => device.number)
  return stripedStatus(
    numbers,
    numbers.map((_, column) => stripeFailures(target.failures, column) > 0),
  )
}

function partsOf(target: Target, byteLength: number): MapPart[] {
  const whole = (file: BlockFileDescriptor): MapPart[] => [{ start: 0, byteLength, file, fileOffset: 0 }]
  const [device] = target.devices
  switch (target.type) {
    case 'linear':
      return device === undefined ? [] : stretch(device, sectorsToBytes(target.spec.offset), byteLength)
    case 'striped': {
      const { chunkSectors, columns } = target.spec
      const columnBytes = byteLength / columns.length
      return whole({
        kind: 'stripes',
        sizeBytes: byteLength,
        chunkBytes: sectorsToBytes(chunkSectors),
        columns: target.devices.map((below, column) =>
          asFile(stretch(below, sectorsToBytes(columns[column]?.offset ?? 0), columnBytes), columnBytes),
        ),
        failures: target.failures,
      })
    }
    case 'flakey': {
      const { downSeconds, features, offset, upSeconds } = target.spec
      const below = device === undefined ? [] : stretch(device, sectorsToBytes(offset), byteLength)
      // Without features everything fails while it is down, as in the kernel.
      const all = features.length === 0
      return whole({
        kind: 'flakey',
        sizeBytes: byteLength,
        ...asFile(below, byteLength),
        startedMs: target.startedMs,
        upMs: upSeconds * 1000,
        downMs: downSeconds * 1000,
        faults: {
          failReads: all || features.includes('error_reads'),
          failWrites: all || features.includes('error_writes'),
          dropWrites: features.includes('drop_writes'),
        },
      })
    }
    case 'snapshot-origin':
      return whole({ kind: 'volume', sizeBytes: byteLength, volume: target.family.volume })
    case 'snapshot':
      return target.instance.isAttached && !target.instance.isLost
        ? whole({ kind: 'volume', sizeBytes: byteLength, volume: target.instance.volume })
        : whole({ kind: 'error', sizeBytes: byteLength })
    case 'snapshot-merge':
      return target.instance.isAttached && !target.instance.isLost
        ? whole({ kind: 'volume', sizeBytes: byteLength, volume: target.instance.plan.family.volume })
        : whole({ kind: 'error', sizeBytes: byteLength })
    default:
      return whole({ kind: target.type, sizeBytes: byteLength })
  }
}

/** A stretch of a device, its own maps taken apart; what reaches past its end is an error. */
function stretch(device: Device, offset: number, byteLength: number): MapPart[] {
  const below = device.descriptor()
  const present = Math.max(0, Math.min(byteLength, device.sizeBytes() - offset))
  const parts = present === 0 ? [] : slice(below, offset, present)
  if (present === byteLength) return parts
  const missing = byteLength - present
  return [...parts, { start: present, byteLength: missing, file: { kind: 'error', sizeBytes: missing }, fileOffset: 0 }]
}

function slice(file: BlockFileDescriptor, offset: number, byteLength: number): MapPart[] {
  if (file.kind !== 'map') return [{ start: 0, byteLength, file, fileOffset: offset }]
  return file.parts.flatMap((part) => {
    const start = Math.max(part.start, offset)
    const end = Math.min(part.start + part.byteLength, offset + byteLength)
    if (start >= end) return []
    const fileOffset = part.fileOffset + (start - part.start)
    return [{ start: start - offset, byteLength: end - start, file: part.file, fileOffset }]
  })
}

function asFile(
  parts: readonly MapPart[],
  sizeBytes: number,
): { readonly file: BlockFileDescriptor; readonly fileOffset: number } {
  const [only] = parts
  if (parts.length === 1 && only !== undefined) return { file: only.file, fileOffset: only.fileOffset }
  return { file: { kind: 'map', sizeBytes, parts }, fileOffset: 0 }
}

interface Area {
  readonly device: Device
  readonly start: number
  readonly length: number
}

/** How many sectors of a device a target needs, from where on; the kernel checks no COW. */
function areasOf(target: Target): Area[] {
  const { devices, length } = target
  const [device] = devices
  switch (target.type) {
    case 'linear':
    case 'flakey':
      return device === undefined ? [] : [{ device, start: target.spec.offset, length }]
    case 'striped': {
      const each = length / devices.length
      return devices.map((below, column) => ({
        device: below,
        start: target.spec.columns[column]?.offset ?? 0,
        length: each,
      }))
    }
    case 'snapshot':
    case 'snapshot-merge':
    case 'snapshot-origin':
      return device === undefined ? [] : [{ device, start: 0, length }]
    default:
      return []
  }
}

/** What is too small for its target, in the kernel's words; a device without a size is not checked. */
export function tooSmall(target: Target): string | undefined {
  return areasOf(target)
    .map(tooSmallFor)
    .find((small) => small !== undefined)
}

export function tooSmallFor({ device, length, start }: Area): string | undefined {
  const size = bytesToSectors(device.sizeBytes())
  if (size === 0 || start + length <= size) return undefined
  return `${device.kernelName} too small for target: start=${start}, len=${length}, dev_size=${size}`
}
