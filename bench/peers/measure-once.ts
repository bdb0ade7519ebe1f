/**
 * One measurement: a server with nothing written since the snapshot, what the case needs beforehand, the timed work, and
 * a look at whether the server has done it.
 *
 *   case         beforehand (untimed)                           looked at afterwards
 *   read         every other MiB of the area is written         the store has those
 *   first write  nothing                                        the store has grown by a granule for each write
 *   rewrite      all of the area is written                     the store has those, and has not grown since
 *   copy         every other MiB of the image is written        nbdcopy's exit code
 *
 * Guarantees: the server has ended and its files are gone, whatever happens. Throws if any of it failed.
 */
import type { Workplace } from '../grid/workplace.js'
import { addressLists } from './address-lists.js'
import { fioAtRandom, fioFill, fioFromLists, ioBytes } from './fio.js'
import type { FioFigures } from './fio-report.js'
import { copyToNowhere } from './nbdcopy.js'
import type { Peer } from './peer.js'
import type { PeerCase } from './peer-case.js'
import { removeLeftovers } from './peer-list.js'
import type { Server } from './server.js'

const mib = 2 ** 20

/** Where reads and rewrites go. Filling it takes as long as a measurement does; a larger one says the same. */
const areaBytesDefault = 256 * mib

/** What lists and tables may add to a store while nothing is copied. */
const growthBytesMax = 2 * mib

/** MiB a second for copies, operations a second for all else. */
export interface Figure {
  readonly perSecond: number
  readonly latencyMicrosecondsMedian?: number
  readonly latencyMicrosecondsOf99?: number
}

/** `warmUpSeconds` is before the timed work and like it; a copy has one copy before it. */
export interface Times {
  readonly seconds: number
  readonly warmUpSeconds: number
  /** Where reads and rewrites go, at most; 256 MiB by default. */
  readonly areaBytesMax?: number
  /** What the stores take meanwhile, at most; an image and a quarter by default. */
  readonly roomBytes?: number
}

export async function measureOnce(peer: Peer, peerCase: PeerCase, place: Workplace, times: Times): Promise<Figure> {
  try {
    const server = await peer.start(place)
    try {
      const figure = await works[peerCase.work]({ peer, server, place, ...times, ...peerCase })
      server.assertRunning()
      return figure
    } catch (error) {
      throw new Error(`${textOf(error)}${server.complaint() && `; the server: ${server.complaint()}`}`, {
        cause: error,
      })
    } finally {
      await server.stop()
    }
  } finally {
    removeLeftovers(place)
  }
}

interface Measurement extends PeerCase, Times {
  readonly peer: Peer
  readonly server: Server
  readonly place: Workplace
}

type Work = (measurement: Measurement) => Promise<Figure>

const read: Work = async (measurement) => {
  const { peer, server } = measurement
  const uri = server.uri(peer.exportName)
  const areaBytes = areaOf(measurement)
  await fill(server, uri, areaBytes, 'half')
  return figureOf(await fioAtRandom(uri, 'randread', areaBytes, measurement))
}

const firstWrite: Work = async (measurement) => {
  const { peer, place, server } = measurement
  const lists = addressLists(place, peer.granuleBytes, ioBytes, measurement.connections)
  const before = server.storeBytes() ?? 0
  place.warmMemory(measurement.roomBytes ?? place.originBytes * 1.25)
  const figures = await fioFromLists(server.uri(peer.exportName), lists.paths, lists.writesPerList, measurement)
  const copied = peer.granuleBytes * figures.operations
  assertGrown(server, before, copied, `${figures.operations} first writes`)
  return figureOf(figures)
}

const rewrite: Work = async (measurement) => {
  const { peer, server } = measurement
  const uri = server.uri(peer.exportName)
  const areaBytes = areaOf(measurement)
  await fill(server, uri, areaBytes, 'all')
  const before = server.storeBytes() ?? 0
  const figures = await fioAtRandom(uri, 'randwrite', areaBytes, measurement)
  const growthBytes = (server.storeBytes() ?? 0) - before
  if (growthBytes > growthBytesMax)
    throw new Error(`rewrites were to copy nothing, and the store grew by ${growthBytes}`)
  return figureOf(figures)
}

const copy: Work = async ({ connections, peer, place, seconds, server }) => {
  if (peer.copiedExport === undefined) throw new Error(`${peer.name} has nothing to copy`)
  await fill(server, server.uri(peer.changedExport), place.originBytes, 'half')
  const figures = await copyToNowhere(server.uri(peer.copiedExport), place.originBytes, connections, seconds)
  return { perSecond: figures.byteCount / mib / figures.seconds }
}

const works: Readonly<Record<PeerCase['work'], Work>> = { read, 'first-write': firstWrite, rewrite, copy }

const areaOf = ({ areaBytesMax = areaBytesDefault, place }: Measurement): number =>
  Math.min(place.originBytes, areaBytesMax)

async function fill(server: Server, uri: string, areaBytes: number, share: 'all' | 'half'): Promise<void> {
  const before = server.storeBytes() ?? 0
  const byteCount = await fioFill(uri, areaBytes, share)
  assertGrown(server, before, byteCount, `${byteCount} bytes written since the snapshot`)
}

function assertGrown(server: Server, beforeBytes: number, byteCount: number, why: string): void {
  const nowBytes = server.storeBytes()
  if (nowBytes === undefined || nowBytes - beforeBytes >= byteCount) return
  throw new Error(`${why} should have added ${byteCount} bytes to the store, and added ${nowBytes - beforeBytes}`)
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

const figureOf = ({ operations, seconds, ...latency }: FioFigures): Figure => ({
  perSecond: operations / seconds,
  ...latency,
})
