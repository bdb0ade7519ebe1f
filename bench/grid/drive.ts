/** The engine's caller: as many asynchronous loops as there are to be requests in flight, on this one thread. */
import type { Addresses } from './addresses.js'
import type { LatencySamples } from './latency-samples.js'
import type { PassResult } from './pass.js'

/** What origins and snapshots have in common. */
export interface DrivenVolume {
  read(offset: number, into: Uint8Array): Promise<Uint8Array>
  write(offset: number, bytes: Uint8Array): Promise<void>
  readSync(offset: number, into: Uint8Array): Uint8Array
  writeSync(offset: number, bytes: Uint8Array): void
}

export interface Drive {
  readonly volume: DrivenVolume
  readonly writes: boolean
  readonly addresses: Addresses
  /** One for each loop. */
  readonly buffers: readonly Uint8Array[]
  /** Where to note the latency of each operation, if it is to be. */
  readonly samples: LatencySamples | undefined
}

export async function drive(given: Drive, seconds: number): Promise<PassResult> {
  const { addresses, buffers, samples, volume, writes } = given
  let stopped = false
  let operations = 0
  const loop = async (buffer: Uint8Array): Promise<void> => {
    while (!stopped) {
      const offset = addresses.next()
      if (offset < 0) return
      if (writes) await volume.write(offset, buffer)
      else await volume.read(offset, buffer)
      operations++
    }
  }
  const timedLoop = async (buffer: Uint8Array, into: LatencySamples): Promise<void> => {
    while (!stopped) {
      const offset = addresses.next()
      if (offset < 0) return
      const startedMs = performance.now()
      if (writes) await volume.write(offset, buffer)
      else await volume.read(offset, buffer)
      into.add((performance.now() - startedMs) * 1000)
      operations++
    }
  }
  samples?.clear()
  const timer = setTimeout(() => {
    stopped = true
  }, seconds * 1000)
  const startedMs = performance.now()
  await Promise.all(buffers.map((buffer) => (samples === undefined ? loop(buffer) : timedLoop(buffer, samples))))
  const endedMs = performance.now()
  clearTimeout(timer)
  return { operations, seconds: (endedMs - startedMs) / 1000, medianMicroseconds: samples?.median() ?? Number.NaN }
}

/** Requests between two looks at the clock, as the floor's. */
const requestsPerLook = 32

/** The same on this thread: one request after the other. */
export function driveInPlace({ addresses, buffers, volume, writes }: Drive, seconds: number): PassResult {
  const startedMs = performance.now()
  const deadlineMs = startedMs + seconds * 1000
  let operations = 0
  let offset = 0
  while (offset >= 0 && performance.now() < deadlineMs) {
    for (let count = 0; count < requestsPerLook; count++) {
      offset = addresses.next()
      if (offset < 0) break
      const buffer = buffers[operations % buffers.length] as Uint8Array
      if (writes) volume.writeSync(offset, buffer)
      else volume.readSync(offset, buffer)
      operations++
    }
  }
  return { operations, seconds: (performance.now() - startedMs) / 1000, medianMicroseconds: Number.NaN }
}
