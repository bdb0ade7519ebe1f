/** Which volumes of a run are checked, each with its ledger. */
import { CowringError } from '../../index.js'
import type { EngineTarget } from '../target/engine-target.js'
import type { OpenTarget, Probe } from '../target/open-target.js'
import type { LedgerMemory } from '../verify/ledger.js'
import type { Verification } from '../verify/verification.js'
import type { PlacedJob } from './targets.js'

const sectorBytes = 512

export class Ledgers {
  readonly #verification: Verification
  readonly #byVolume = new Map<OpenTarget, Map<string, LedgerMemory>>()

  private constructor(verification: Verification) {
    this.#verification = verification
  }

  /**
   * Everything that happens on a volume is checked if one of its jobs says so: a write that nobody knew of would be a violation. With an
   * origin, all its snapshots are. Fails with INVALID_ARGUMENT for jobs that trim what is checked, LIMIT_EXCEEDED.
   */
  static async watch(jobs: readonly PlacedJob[], verification: Verification): Promise<Ledgers> {
    const ledgers = new Ledgers(verification)
    for (const { target, volume, volumeName } of jobs.filter(({ spec }) => spec.isVerified)) {
      const onTarget = jobs.filter((job) => job.target === target)
      await ledgers.#watch(target, volumeName, volume, onTarget)
      for (const name of target.volumeNames) await ledgers.#watch(target, name, target.volume(name), onTarget)
    }
    return ledgers
  }

  get isEmpty(): boolean {
    return this.#byVolume.size === 0
  }

  of({ target, volumeName }: Pick<PlacedJob, 'target' | 'volumeName'>): LedgerMemory | undefined {
    return this.#byVolume.get(target)?.get(volumeName)
  }

  ofOrigin(target: EngineTarget): LedgerMemory | undefined {
    return this.of({ target, volumeName: 'origin' })
  }

  async #watch(target: OpenTarget, name: string, volume: Probe, onTarget: readonly PlacedJob[]): Promise<void> {
    const byName = this.#byVolume.get(target) ?? new Map<string, LedgerMemory>()
    this.#byVolume.set(target, byName)
    if (byName.has(name)) return
    const own = onTarget.filter(({ volumeName }) => volumeName === name)
    refuseTrims(own, volume)
    // The same part of all of them: a snapshot is watched wherever its origin is written to, and an origin wherever a merge reaches.
    const regions = onTarget.map(({ region }) => region)
    const start = Math.min(...regions.map((region) => region.start)) / sectorBytes
    const end = Math.max(...regions.map((region) => region.end)) / sectorBytes
    const isWritten = name === 'origin' || own.some(({ spec }) => spec.readShare < 1)
    byName.set(name, await this.#verification.watch(volume, start, end - start, isWritten))
  }
}

function refuseTrims(jobs: readonly PlacedJob[], volume: Probe): void {
  const trimming = jobs.find(({ spec }) => spec.trims)
  if (trimming === undefined) return
  const text = `job '${trimming.spec.name}' trims ${volume.name}, which is verified; leave one of them out`
  throw new CowringError('INVALID_ARGUMENT', text)
}
