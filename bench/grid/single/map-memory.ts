/**
 * What the exception map costs in memory: how much more memory a process of its own has after it opened an origin of 1 TiB
 * with a store of so many exceptions, 4 KiB chunks.
 */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { pageBytes } from '../../../src/shm/arena.js'
import type { SingleFigure } from '../outcome.js'
import type { Workplace } from '../workplace.js'
import { figureOf } from './figure-of.js'
import { chunkBytes, makeSparse, makeStore, tebibyte } from './sparse-store.js'

const repetitions = 3
/** Large enough that a megabyte more or less of JavaScript heap does not matter. */
const denseChunks = 2 ** 22
/** One chunk on each of so many pages of a map of four-byte words. */
const scatteredChunks = 2 ** 14
const chunksPerMapPage = pageBytes / 4

/** Neighbouring chunks, every page of the map full. */
export async function denseMap(name: string, place: Workplace): Promise<SingleFigure> {
  const added = await addedMemory(place, denseChunks, (position) => position)
  const perChunk = added.map((bytes) => bytes / denseChunks)
  return figureOf(name, parametersOf(denseChunks), 'B', perChunk, { kind: 'at-most', value: 8, unit: 'B' })
}

/** The worst there is: each chunk on a page of the map of its own. In pages per chunk; the rounding-up of the target. */
export async function scatteredMap(name: string, place: Workplace): Promise<SingleFigure> {
  const added = await addedMemory(place, scatteredChunks, (position) => position * chunksPerMapPage)
  const pagesPerChunk = added.map((bytes) => bytes / pageBytes / scatteredChunks)
  return figureOf(name, parametersOf(scatteredChunks), 'pages', pagesPerChunk)
}

/** Nothing for the rest: a snapshot of 1 TiB in which no chunk has been touched. */
export async function untouchedMap(name: string, place: Workplace): Promise<SingleFigure> {
  const added = await addedMemory(place, 0, () => 0)
  const mebibytes = added.map((bytes) => Math.max(0, bytes / 2 ** 20))
  return figureOf(name, parametersOf(0), 'MiB', mebibytes)
}

const parametersOf = (chunks: number) => ({ chunks, chunkBytes, originBytes: tebibyte })

async function addedMemory(
  place: Workplace,
  chunks: number,
  oldChunkOf: (position: number) => number,
): Promise<number[]> {
  const origin = makeSparse(place.path('map.img'), tebibyte)
  const cow = makeStore(place, 'map.cow', chunks, oldChunkOf)
  const added = await addedMemoryOf(origin, cow, repetitions)
  for (const name of ['map.img', 'map.cow']) place.remove(name)
  return added
}

/** By how many bytes a process of its own grows when it continues that store; so many times. */
export async function addedMemoryOf(origin: string, cow: string, times: number): Promise<number[]> {
  const child = new URL('./map-memory-child.js', import.meta.url).pathname
  const added: number[] = []
  for (let repetition = 0; repetition < times; repetition++) {
    const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', child, origin, cow])
    added.push(Number(stdout))
  }
  return added
}
