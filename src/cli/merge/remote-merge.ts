/** A merge in the daemon, for the length of one command. It goes on in the daemon when the command is gone. */
import type { DeviceInfo, MergeProgress } from '../../index.js'
import { DaemonClient } from '../daemon/client.js'
import type { CancelledMerge, FollowedMerge, LimitsOnWire, MergedDevices } from '../daemon/protocol.js'
import { socketPath } from '../daemon/socket-path.js'
import { targetLines } from '../dmsetup/target-lines.js'

/** What is where after a merge. */
export interface Aftermath {
  /** The target type of the device that was merged into; `undefined` if it is gone. */
  readonly originTarget: string | undefined
  readonly isSnapshotThere: boolean
}

export class RemoteMerge implements Disposable {
  readonly #client: DaemonClient
  readonly #begun: FollowedMerge
  readonly #askedAtMs: number

  private constructor(client: DaemonClient, begun: FollowedMerge, askedAtMs: number) {
    this.#askedAtMs = askedAtMs
    this.#client = client
    this.#begun = begun
  }

  /** Begins the merge of a device, or goes on with it. */
  static async begin(socket: string | undefined, name: string, limits: LimitsOnWire): Promise<RemoteMerge> {
    const client = await DaemonClient.connect(socketPath(socket, { makeFolder: false }))
    const askedAtMs = performance.now()
    try {
      return new RemoteMerge(client, (await client.call('merge', [name, limits])) as FollowedMerge, askedAtMs)
    } catch (error) {
      client.close()
      throw error
    }
  }

  /** Ends the merge of a device. */
  static async cancel(socket: string | undefined, name: string): Promise<CancelledMerge> {
    const client = await DaemonClient.connect(socketPath(socket, { makeFolder: false }))
    try {
      return (await client.call('mergeCancel', [name])) as CancelledMerge
    } finally {
      client.close()
    }
  }

  get devices(): MergedDevices {
    return this.#begun.devices
  }

  /** How far it was when this command found it. */
  get first(): MergeProgress {
    return this.#begun.progress
  }

  /** What this command has seen of it: bytes merged before, and seconds since. */
  get since(): { readonly doneBefore: number; readonly seconds: number } {
    return { doneBefore: this.#begun.doneBefore, seconds: (performance.now() - this.#askedAtMs) / 1000 }
  }

  /** How far it is. Fails as the merge did. */
  async progress(): Promise<MergeProgress> {
    return (await this.#client.call('mergeProgress', [this.#begun.merge])) as MergeProgress
  }

  async pause(): Promise<MergeProgress> {
    return (await this.#client.call('mergePause', [this.#begun.merge])) as MergeProgress
  }

  async aftermath(): Promise<Aftermath> {
    const { origin, snapshot } = this.devices
    const names = ((await this.#client.call('list', [])) as readonly DeviceInfo[]).map(({ name }) => name)
    const table = names.includes(origin) ? await this.#client.call('table', [origin]) : ''
    const [target] = targetLines(String(table))
    return { originTarget: target?.type, isSnapshotThere: snapshot !== undefined && names.includes(snapshot) }
  }

  [Symbol.dispose](): void {
    this.#client.close()
  }
}
