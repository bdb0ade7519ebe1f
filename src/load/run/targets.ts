/** The targets of a run, each opened once, whatever number of jobs is on it. */
import { realpathSync, rmSync } from 'node:fs'
import { resolve } from 'node:path'
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
  #isKept = false

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
      refuseDisagreement(planned, addresses, keys)
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
      for (const target of open.values()) await takeBack(target)
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

  /** The jobs begin: what was made for them stays. */
  keep(): void {
    this.#isKept = true
  }

  /** Closes all of them; before the jobs have begun, files that were made are removed. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const target of this.#open) await (this.#isKept ? target.close() : takeBack(target))
  }
}

async function takeBack(target: OpenTarget): Promise<void> {
  await target.close()
  if (target.madeFile !== undefined) rmSync(target.madeFile, { force: true })
}

/** Jobs on the same file share it, however they call it; those on an origin its engine, whatever volume of it they work on. */
function keyOf(address: TargetAddress): string {
  if (address.kind === 'nbd') return JSON.stringify(address)
  if (address.kind === 'file') return JSON.stringify({ ...address, path: realPath(address.path) })
  const { calls: _, path, volume: __, ...same } = address
  return JSON.stringify({ ...same, path: path === undefined ? path : realPath(path) })
}

function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return resolve(path)
  }
}

/** A file can be opened in one way only: what jobs say of it has to be the same. */
function refuseDisagreement(
  planned: readonly PlannedJob[],
  addresses: readonly TargetAddress[],
  keys: readonly string[],
): void {
  const users = new Map<string, number>()
  for (const [index, address] of addresses.entries()) {
    if (address.kind === 'nbd' || address.path === undefined) continue
    const path = realPath(address.path)
    const first = users.get(path) ?? index
    users.set(path, first)
    if (keys[first] === keys[index]) continue
    const [one, other] = [planned[first], planned[index]]
    throw new CowringError(
      'INVALID_ARGUMENT',
      `jobs '${one?.spec.name}' and '${other?.spec.name}' open ${address.path} in different ways; only calls and volume may differ: ${one?.spec.target}, ${other?.spec.target}`,
      { path: address.path },
    )
  }
}

async function openOne(address: TargetAddress, specs: readonly JobSpec[]): Promise<OpenTarget> {
  const needs: TargetNeeds = {
    writes: specs.some(({ readShare }) => readShare < 1),
    direct: specs.some(({ isDirect }) => isDirect),
    bufferBytes: Math.max(...specs.map(bufferBytesOf)),
    flightBytes: specs.reduce((sum, spec) => sum + spec.clones * spec.depth * bufferBytesOf(spec), 0),
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
const wholeSectors = (bytes: number): number => Math.floor(bytes / sectorBytes) * sectorBytes

function regionOf(spec: JobSpec, { name, sizeBytes }: Probe): Region {
  const bytes = (value: { bytes: number } | { share: number }): number =>
    'bytes' in value ? value.bytes : wholeSectors(value.share * sizeBytes)
  const start = bytes(spec.offset)
  const end = spec.size === undefined ? wholeSectors(sizeBytes) : start + bytes(spec.size)
  const fault = (text: string): CowringError => new CowringError('INVALID_ARGUMENT', `job '${spec.name}' ${text}`)
  if (end > sizeBytes) throw fault(`reaches to byte ${end}, but ${name} has ${sizeBytes}; make offset or size smaller`)
  const block = largestBlock(spec)
  if (end - start < block) throw fault(`has ${end - start} bytes of ${name} to work on, less than a block of ${block}`)
  return { start, end }
}

function largestBlock({ blockBytes, readShare, trims }: JobSpec): number {
  const { read, trim, write } = blockBytes
  const used: SizeRange[] = [...(readShare > 0 ? [read] : []), ...(readShare < 1 ? [trims ? trim : write] : [])]
  return Math.max(...used.map(({ max }) => max))
}
