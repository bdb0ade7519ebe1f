/**
 * Loaded before anything else (`--import`) into a process and each of its worker threads: wraps every call of `Atomics` in
 * random short pauses, so that threads meet in orders that an idle machine hardly ever brings about.
 *
 * Guarantees: the calls do what they did; the same COWRING_RACE_SEED draws the same pauses for a thread's number, as long as it
 * makes the same calls. Each thread counts its pauses in memory that all can read (pause-counts.ts).
 *
 * Pauses of one length everywhere would slow all threads down alike and hide as much as they show. So a seed gives each place
 * (function, array, word) a character of its own, from hardly ever to one call in three; and each thread has moods, in which
 * it is not delayed, or longer than usual.
 *
 * Leaves out on purpose: plain reads and writes. Between two of them, no other thread is told anything.
 */
import { isMainThread, threadId } from 'node:worker_threads'
import { countsOfProcess, shareCounts, slotOf } from './pause-counts.js'

const seed = Number(process.env.COWRING_RACE_SEED ?? 1) >>> 0
const original = { ...functionsOf(Atomics) }
const load = Atomics.load
const add = Atomics.add
const wait = Atomics.wait

if (isMainThread) shareCounts()
const counts = countsOfProcess()
const slot = slotOf(threadId)
const nobodyRings = new Int32Array(new SharedArrayBuffer(4))

/** Of 256 calls, how many are followed or preceded by a pause; and how long it may be. */
interface Character {
  readonly often: number
  readonly microsecondsMax: number
  /** Of 256 pauses, how many are a sleep, which lets another thread have the processor. */
  readonly sleeps: number
}

const calm: Character = { often: 1, microsecondsMax: 20, sleeps: 32 }
const lively: Character = { often: 12, microsecondsMax: 20, sleeps: 16 }
const slow: Character = { often: 48, microsecondsMax: 40, sleeps: 16 }
const stuck: Character = { often: 85, microsecondsMax: 50, sleeps: 48 }
const characters = [calm, calm, calm, calm, calm, calm, calm, lively, lively, lively, lively, lively, slow, slow, stuck]
const sleepMsMax = 1
const callsPerMood = 512
/** So many words looked at one after the other are a table that is searched, for what a dead thread held. That takes long as it is. */
const searchMin = 64
/** A sleep that lasts this long is never ended by its timeout in a test: somebody should have rung. */
const soundSleepMs = 30_000

let state = mix(seed ^ Math.imul(threadId + 1, 0x9e3779b1))
let callsLeft = 0
/** 0: not delayed at all; longer ones besides. */
let mood = 1
let lastIndex = 0
let inARow = 0
const known = new Map<number, Character>()

for (const [number, name] of Object.keys(original).entries()) {
  const call = original[name] as (...parts: unknown[]) => unknown
  const wrapped = (array: Int32Array, index: number, ...rest: unknown[]) => {
    const bits = draw()
    inARow = index === lastIndex + 1 ? inARow + 1 : 0
    lastIndex = index
    const pauses = mood > 0 && inARow < searchMin && (bits & 255) < character(number, array, index).often
    if (pauses && (bits & 256) === 0) pause(character(number, array, index), bits >>> 9)
    const answer = call.call(Atomics, array, index, ...rest)
    if (pauses && (bits & 256) !== 0) pause(character(number, array, index), bits >>> 9)
    if (answer === 'timed-out' && (rest[1] as number) >= soundSleepMs) add(counts, slotOf(-1), 1)
    return answer
  }
  Reflect.set(Atomics, name, wrapped)
}

function functionsOf(atomics: object): Record<string, unknown> {
  const names = ['load', 'store', 'add', 'sub', 'and', 'or', 'xor', 'exchange', 'compareExchange']
  return Object.fromEntries([...names, 'notify', 'wait', 'waitAsync'].map((name) => [name, Reflect.get(atomics, name)]))
}

function pause({ microsecondsMax, sleeps }: Character, bits: number): void {
  counts[slot] = load(counts, slot) + 1
  const share = (bits >>> 8) / 2 ** 15
  if ((bits & 255) < sleeps) {
    wait(nobodyRings, 0, 0, share * share * sleepMsMax)
    return
  }
  const end = performance.now() + (share * microsecondsMax * mood) / 1000
  while (performance.now() < end);
}

function character(number: number, array: Int32Array, index: number): Character {
  const key = number + 16 * Math.min(index, 63) + 1024 * array.length
  let found = known.get(key)
  if (found === undefined) {
    found = characters[mix(seed ^ mix(key)) % characters.length] as Character
    known.set(key, found)
  }
  return found
}

function draw(): number {
  if (callsLeft-- === 0) {
    callsLeft = callsPerMood
    state = mix(state + 0x6d2b79f5)
    mood = [0, 0, 1, 1, 1, 1, 1, 3][state & 7] as number
  }
  state = (state + 0x6d2b79f5) >>> 0
  return mix(state)
}

function mix(word: number): number {
  let mixed = word ^ (word >>> 16)
  mixed = Math.imul(mixed, 0x7feb352d)
  mixed ^= mixed >>> 15
  mixed = Math.imul(mixed, 0x846ca68b)
  return (mixed ^ (mixed >>> 16)) >>> 0
}
