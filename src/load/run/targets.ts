/** The targets of a run, each opened once, whatever number of jobs is on it. */
import { CowringError } from '../../index.js'
import type { JobSpec } from '../job/job-spec.js'
import type { SizeRange } from '../job/values.js'
import type { Region } from '../pattern/requests.js'
import { EngineTarget } from '../target/engine-target.js'
import { FileTarget } from '../target/file-target.js'
import { NbdTarget } from '../target/nbd-target.js'
import type { OpenTarget, Probe, TargetNeeds } from '../target/open-target.js'
import { parseTarget, type TargetAddress } from '../target/target-address.js'
import type { PlannedJob } from './load-plan.js'

/** A job with its place: the volume it works on, and the part of that. */
export interface PlacedJob {
  readonly planned: PlannedJob
  readonly spec: JobSpec
  /** Counts from 0 in the run. */
  readonly number: number
  readonly target: OpenTarget
  readonly volumeName: string
  readonly volume: Probe
  readonly region: Region
  readonly bufferBytes: number
}

export class Targets implements AsyncDisposable {
  readonly jobs: readonly PlacedJob[]
  readonly #open: readonly OpenTarget[]

  private constructor(open: readonly OpenTarget[], jobs: readonly PlacedJob[]) {
    this.#open = open
    this.jobs = jobs
  }

  /** Opens all, or none. Fails as the targets' own `open`, and with INVALID_ARGUMENT for jobs that do not fit theirs. */
  static async open(planned: readonly PlannedJob[]): Promise<Targets> {
    const open = new Map<string, OpenTarget>()
    try {
      const addresses = planned.map(({ spec }) => parseTarget(spec.target))
      const keys = addresses.map(keyOf)
      for (const [index, key] of keys.entries()) {
        const address = addresses[index] as TargetAddress
        const specs = planned.filter((_, other) => keys[other] === key).map(({ spec }) => spec)
        if (!open.has(key)) open.set(key, await openOne(address, specs))
      }
      const jobs = planned.map((job, number) =>
        placed(job, number, addresses[number] as TargetAddress, open.get(keys[number] as string) as OpenTarget),
      )
      return new Targets([...open.values()], jobs)
    } catch (error) {
      for (const target of open.values()) await target.close()
      throw error
    }
  }

  /** The one target with snapshots and events, if there is exactly one. */
  get engine(): EngineTarget | undefined {
    const engines = this.#open.filter((target) => target instanceof EngineTarget)
    return engines.length === 1 ? engines[0] : undefined
  }

  /** Those that targets ask for. What is laid out before is not in them as a change. */
  async takeSnapshots(): Promise<void> {
    for (const target of this.#open) if (target instanceof EngineTarget) await target.takeSnapshots()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const target of this.#open) await target.close()
  }
}

/** Jobs on the same origin share an engine, whatever volume of it they work on and how they call it. */
function keyOf(address: TargetAddress): string {
  if (address.kind !== 'engine') return JSON.stringify(address)
  const { calls: _, volume: __, ...same } = address
  return JSON.stringify(same)
}

async function openOne(address: TargetAddress, specs: readonly JobSpec[]): Promise<OpenTarget> {
  const needs: TargetNeeds = {
    writes: specs.some(({ readShare }) => readShare < 1),
    direct: specs.some(({ isDirect }) => isDirect),
    bufferBytes: Math.max(...specs.map(bufferBytesOf)),
    createBytes: createBytesOf(specs),
  }
  const [{ target: text = '' } = {}] = specs
  if (address.kind === 'file') return FileTarget.open(text, address.path, needs)
  if (address.kind === 'nbd') return NbdTarget.open(address.uri, needs)
  return EngineTarget.open(text, address, needs)
}

export function bufferBytesOf({ blockBytes, readShare }: JobSpec): number {
  const { read, write } = blockBytes
  return Math.max(readShare > 0 ? read.max : 0, readShare < 1 ? write.max : 0)
}

/** As large as the job that reaches farthest says; `undefined` if none says. */
function createBytesOf(specs: readonly JobSpec[]): number | undefined {
  const ends = specs.flatMap(({ offset, size }) => {
    return size !== undefined && 'bytes' in size ? [size.bytes + ('bytes' in offset ? offset.bytes : 0)] : []
  })
  return ends.length === 0 ? undefined : Math.max(...ends)
}

function placed(planned: PlannedJob, number: number, address: TargetAddress, target: OpenTarget): PlacedJob {
  const { spec } = planned
  const volumeName = address.kind === 'engine' ? address.volume : 'origin'
  const volume = target.volume(volumeName)
  const region = regionOf(spec, volume)
  return { planned, spec, number, target, volumeName, volume, region, bufferBytes: bufferBytesOf(spec) }
}

const sectorBytes = 512

function regionOf(spec: JobSpec, { name, sizeBytes }: Probe): Region {
  const bytes = (value: { bytes: number } | { share: number }): number =>
    'bytes' in value ? value.bytes : Math.floor((value.share * sizeBytes) / sectorBytes) * sectorBytes
  const start = bytes(spec.offset)
  const end = spec.size === undefined ? sizeBytes : start + bytes(spec.size)
  const fault = (text: string): CowringError => new CowringError('INVALID_ARGUMENT', `job '${spec.name}' ${text}`)
  if (start % sectorBytes !== 0 || end % sectorBytes !== 0)
    throw fault('has an offset or a size that is no multiple of 512')
  if (end > sizeBytes) throw fault(`reaches to byte ${end}, but ${name} has ${sizeBytes}; make offset or size smaller`)
  const block = smallestBlock(spec)
  if (end - start < block) throw fault(`has ${end - start} bytes of ${name} to work on, less than a block of ${block}`)
  return { start, end }
}

function smallestBlock({ blockBytes, readShare }: JobSpec): number {
  const used: SizeRange[] = [...(readShare > 0 ? [blockBytes.read] : []), ...(readShare < 1 ? [blockBytes.write] : [])]
  return Math.max(...used.map(({ max }) => max))
}
