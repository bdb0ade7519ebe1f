/**
 * The curve over NBD, where there are rivals that can be given one snapshot after the other: each server with so many, measured in
 * turn by the same client (fio). Ours copies 64 KiB at a time there, as QEMU does; what it makes of chunks of 4 KiB stands beside it.
 *
 * There is no floor: what stands in its place is a server that keeps no snapshots, which is among the others.
 */
import { measureOnce, type Times } from '../../peers/measure-once.js'
import type { Peer } from '../../peers/peer.js'
import { imageName } from '../../peers/peer.js'
import type { PeerCase } from '../../peers/peer-case.js'
import { copyBeforeWriteStack, cowringWith, nbdkitCow, nbdkitFile } from '../../peers/peer-list.js'
import { isInstalled } from '../../peers/programs.js'
import { CpuGauge } from '../cpu-gauge.js'
import { median } from '../latency-samples.js'
import type { Outcome } from '../outcome.js'
import { figuresOfRounds, spreadOf } from '../round-figures.js'
import type { Workplace } from '../workplace.js'
import { snapshotCounts } from './curve-cases.js'

export interface ServedCase {
  readonly work: 'first-write' | 'rewrite'
  readonly snapshots: number
}

export interface ServedSizes extends Times {
  readonly rounds: number
}

const mib = 2 ** 20
/** As many as keep all of them busy, over one connection. */
const depth = 32
const largeChunkSectors = 128
const smallChunkSectors = 8

export const servedCaseName = ({ snapshots, work }: ServedCase): string =>
  `served-curve/${work}/chunk-64k/snapshots-${snapshots}/io-4k/depth-${depth}`

export function servedCases(): ServedCase[] {
  return (['first-write', 'rewrite'] as const).flatMap((work) =>
    snapshotCounts.map((snapshots) => ({ work, snapshots })),
  )
}

/** Of the image: first writes must not have gone over all of it when the time is up. */
export const servedImageBytes = (isQuick: boolean): number => (isQuick ? 32 : 1024) * mib
/** Of what is written again, all of which is in 64 stores before that. */
export const servedAreaBytes = (isQuick: boolean): number => (isQuick ? 2 : 16) * mib
/** What memory takes in the time, with something to spare; stores never have more than that at once. */
export const servedRoomBytes = (isQuick: boolean): number => (isQuick ? 2048 : 10_240) * mib

/** What is copied in a second, whatever number of stores it goes to. */
const warmBytesMax = 3 * 1024 * mib

/** `undefined` where there is no client. */
export const servedCurveLacks = (): string | undefined =>
  isInstalled('fio') ? undefined : 'the curve over NBD needs fio, which is not installed'

/** The image of the workplace must be there. `qemuAio`: how QEMU does I/O. */
export async function measureServed(
  served: ServedCase,
  place: Workplace,
  sizes: ServedSizes,
  qemuAio: string,
): Promise<Outcome> {
  const { snapshots, work } = served
  const ours = cowringWith(snapshots, largeChunkSectors)
  const rivals = rivalsFor(served, qemuAio)
  const measured = [ours, ...rivals].filter((peer) => peer.missing() === undefined)
  const figures = new Map<Peer, number[]>(measured.map((peer) => [peer, []]))
  const failures = new Map<Peer, string>()
  const gauge = new CpuGauge()
  const peerCase: PeerCase = { work, depth, connections: 1 }
  const roomBytes = Math.min(Math.max(1, snapshots) * 1.25 * place.originBytes, warmBytesMax)
  for (let round = 0; round < sizes.rounds; round++) {
    for (let turn = 0; turn < measured.length; turn++) {
      const peer = measured[(round + turn) % measured.length] as Peer
      if (failures.has(peer)) continue
      try {
        figures.get(peer)?.push((await measureOnce(peer, peerCase, place, { ...sizes, roomBytes })).perSecond)
      } catch (error) {
        failures.set(peer, `it failed: ${error instanceof Error ? error.message : String(error)}`)
      }
    }
  }
  const own = failures.has(ours) ? [] : (figures.get(ours) ?? [])
  const failure = failures.get(ours)
  if (failure !== undefined) throw new Error(`${servedCaseName(served)}: ${failure}`)
  return {
    section: 'served-curve',
    case: servedCaseName(served),
    parameters: { work, snapshots, depth, connections: 1, chunkBytes: largeChunkSectors * 512, ioBytes: 4096 },
    unit: '/s',
    floor: null,
    engine: median(own),
    ratio: null,
    spread: spreadOf(own),
    rounds: sizes.rounds,
    othersShare: gauge.othersShare(),
    added: null,
    rivals: rivals.map((peer) =>
      figuresOfRounds(peer.name, own, figures.get(peer) ?? [], peer.missing() ?? failures.get(peer)),
    ),
    target: null,
    reached: null,
  }
}

/**
 * nbdkit's filter is one overlay: there is no second snapshot of what is below it, so it stands beside one only. What is already
 * broken is not copied, so our smaller chunks are no different there.
 */
function rivalsFor({ snapshots, work }: ServedCase, qemuAio: string): Peer[] {
  return [
    copyBeforeWriteStack(snapshots, qemuAio),
    ...(snapshots === 1 ? [nbdkitCow()] : []),
    ...(snapshots === 0 ? [nbdkitFile()] : []),
    ...(work === 'first-write' ? [cowringWith(snapshots, smallChunkSectors)] : []),
  ]
}

export const makeServedImage = (place: Workplace): string => place.fill(place.path(imageName))
