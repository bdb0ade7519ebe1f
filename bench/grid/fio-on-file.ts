/**
 * fio on the floor's own file, with plain `pread` and `pwrite` (its engine psync) from as many threads as the floor has: whether
 * the floor is one. Each of fio's threads has one buffer, which stays in the processor's cache; the floor's go round several.
 */
import { figuresOf } from '../peers/fio-report.js'
import { run } from '../peers/programs.js'
import { floorThreads, type GridCase, isRead, timesEach } from './grid-case.js'
import type { PassResult, Side } from './pass.js'
import type { Workplace } from './workplace.js'

export class FioOnFile implements Side {
  readonly #grid: GridCase
  readonly #place: Workplace

  constructor(grid: GridCase, place: Workplace) {
    this.#grid = grid
    this.#place = place
  }

  async rewind(): Promise<void> {}

  async pass(seconds: number): Promise<PassResult> {
    const direction = isRead(this.#grid.work) ? 'read' : 'write'
    const output = await run('fio', fioWords(this.#grid, this.#place, seconds))
    const figures = figuresOf(output, direction, this.#grid.ioBytes)
    return {
      operations: figures.operations,
      seconds: figures.seconds,
      medianMicroseconds: figures.latencyMicrosecondsMedian,
    }
  }

  async close(): Promise<void> {}
}

export function fioWords(grid: GridCase, place: Workplace, seconds: number): string[] {
  const threads = floorThreads(grid)
  const work = `${grid.order === 'random' ? 'rand' : ''}${isRead(grid.work) ? 'read' : 'write'}`
  const { originBytes } = place
  // In order, each thread has a part of the file of its own; at random, all of it.
  const share = grid.order === 'random' ? originBytes : originBytes / threads
  return [
    ...['--name=raw', '--ioengine=psync', '--thread', `--numjobs=${threads}`, '--group_reporting'],
    ...[`--filename=${place.origin('floor')}`, '--allow_file_create=0', '--fallocate=none', '--invalidate=0'],
    ...[`--rw=${work}`, `--bs=${grid.ioBytes}`, `--size=${share}`, '--norandommap', '--random_generator=tausworthe64'],
    ...(grid.order === 'random' ? [] : [`--offset_increment=${share}`]),
    ...['--time_based', `--runtime=${Math.max(1, Math.round(seconds * 1000))}ms`],
    // Looks at the clock cost; the floor has them only where each operation is timed.
    ...(timesEach(grid) ? ['--lat_percentiles=1'] : ['--gtod_reduce=1']),
    '--output-format=json',
  ]
}
