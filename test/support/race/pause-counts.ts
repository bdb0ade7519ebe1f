/** How often each thread of a process under pauses was delayed, in memory that all its threads share. */
import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads'

const key = 'cowring pause counts'
/** Limit on thread numbers of a test's process; later ones share. */
const slots = 4096

/** Before any worker thread is started: those inherit it. */
export function shareCounts(): void {
  setEnvironmentData(key, new SharedArrayBuffer(slots * 4))
}

export function countsOfProcess(): Int32Array {
  const memory = getEnvironmentData(key)
  if (!(memory instanceof SharedArrayBuffer)) throw new Error('this process was not started with --import pauses.js')
  return new Int32Array(memory)
}

/** Where a thread's pauses are counted. Slot of -1: sleeps of a minute that nobody ended, by whatever thread. */
export const slotOf = (threadId: number): number => (threadId + 1) % slots
