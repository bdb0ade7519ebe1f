/** What one connection may do: the mapper's verbs, I/O on the volumes it has opened, and merges. */
import { CowringError, type DeviceVolume, type Mapper } from '../../index.js'
import { localLink, type MapperLink, type MapperVerb } from '../dmsetup/link.js'
import type { DaemonRequest, OpenedVolume } from './protocol.js'
import { SessionMerges } from './session-merges.js'

/** The volumes of a connection at most: a script needs one. */
const volumesMax = 64

export interface Session {
  /** Carries a request out. `signal` ends a `wait`. */
  perform(request: DaemonRequest, signal: AbortSignal): Promise<unknown>
  /** Closes what the connection has opened. */
  close(): Promise<void>
}

export class MapperSession implements Session {
  readonly #mapper: Mapper
  readonly #link: MapperLink
  readonly #volumes = new Map<number, DeviceVolume>()
  readonly #merges: SessionMerges
  #nextVolume = 1

  constructor(mapper: Mapper) {
    this.#mapper = mapper
    this.#link = localLink(mapper)
    this.#merges = new SessionMerges(mapper)
  }

  async perform({ verb, words }: DaemonRequest, signal: AbortSignal): Promise<unknown> {
    // The words of a request have passed checkRequest, which knows each verb's.
    const [first, second, third] = words as readonly never[]
    switch (verb) {
      case 'open':
        return this.#open(first ?? '', second)
      case 'read':
        return this.#volume(first).read(second ?? 0, third ?? 0)
      case 'write':
        return this.#volume(first).write(second ?? 0, third ?? new Uint8Array(0))
      case 'zero':
        return this.#volume(first).writeZeroes(second ?? 0, third ?? 0)
      case 'discard':
        return this.#volume(first).discard(second ?? 0, third ?? 0)
      case 'flush':
        return this.#volume(first).flush()
      case 'close':
        return this.#close(first)
      case 'merge':
        return this.#merges.begin(first ?? '', second ?? {})
      case 'mergeProgress':
        return this.#merges.progress(first ?? 0)
      case 'mergePause':
        return this.#merges.pause(first ?? 0)
      case 'mergeCancel':
        return this.#merges.cancel(first ?? '')
      case 'wait':
        return this.#wait(first ?? '', second ?? 0, signal)
      default:
        return (this.#link[verb as MapperVerb] as (...words: readonly unknown[]) => Promise<unknown>)(...words)
    }
  }

  async close(): Promise<void> {
    const volumes = [...this.#volumes.values()]
    this.#volumes.clear()
    await Promise.allSettled(volumes.map((volume) => volume.close()))
  }

  async #wait(name: string, eventNumber: number, signal: AbortSignal): Promise<number> {
    try {
      return await this.#mapper.wait(name, eventNumber, { signal })
    } catch (error) {
      throw signal.aborted ? signal.reason : error
    }
  }

  async #open(name: string, options: { readonly readOnly?: boolean } | undefined): Promise<OpenedVolume> {
    if (this.#volumes.size >= volumesMax) {
      const text = `a connection has at most ${volumesMax} volumes open; close some`
      throw new CowringError('LIMIT_EXCEEDED', text, { device: name })
    }
    const opened = await this.#mapper.open(name, options)
    const volume = this.#nextVolume++
    this.#volumes.set(volume, opened)
    return { volume, sizeBytes: opened.sizeBytes, readOnly: opened.readOnly }
  }

  #volume(number: number | undefined): DeviceVolume {
    const volume = this.#volumes.get(number ?? 0)
    if (volume !== undefined) return volume
    throw new CowringError('DEVICE_CLOSED', `there is no open volume ${number} on this connection; open one first`)
  }

  async #close(number: number | undefined): Promise<void> {
    const volume = this.#volume(number)
    this.#volumes.delete(number ?? 0)
    await volume.close()
  }
}
