/** A case in words, for those who do not know the names: which volume, what is done, and with what. */
import { usual } from '../grid/case-list.js'
import { sizeText } from '../grid/grid-case.js'
import type { Outcome } from '../grid/outcome.js'

/** As the device-mapper's own suite calls them: a write that copies first is breaking, one whose chunk was copied is not. */
const works: Readonly<Record<string, readonly [volume: string, work: string]>> = {
  'raw-read': ['raw', 'read'],
  'raw-write': ['raw', 'write'],
  'origin-read': ['origin', 'read'],
  'origin-rewrite': ['origin', 'write, already broken'],
  'origin-first-write': ['origin', 'write, breaking'],
  'snapshot-read-store': ['snapshot', 'read from its store'],
  'snapshot-read-origin': ['snapshot', 'read from the origin'],
  'snapshot-first-write-partial': ['snapshot', 'write, breaking, part of a chunk'],
  'snapshot-first-write-whole': ['snapshot', 'write, breaking, whole chunks'],
  'snapshot-rewrite': ['snapshot', 'write, already broken'],
}

export const volumeOf = (outcome: Outcome): string => wordsOf(outcome)[0]
export const workOf = (outcome: Outcome): string => wordsOf(outcome)[1]

const wordsOf = ({ case: name, parameters }: Outcome): readonly [string, string] =>
  works[String(parameters.work)] ?? ['', name]

export const ioText = ({ parameters: { ioBytes, order } }: Outcome): string =>
  `${order === 'sequential' ? 'sequential' : 'random'} ${sizeText(Number(ioBytes))}`

export const chunkText = (outcome: Outcome): string =>
  volumeOf(outcome) === 'raw' || outcome.parameters.work === 'origin-read'
    ? ''
    : sizeText(Number(outcome.parameters.chunkBytes))

/** `P, process-crash`, and where the files are if that is not memory; synchronous and copied requests say so. */
export function storeText(outcome: Outcome): string {
  const { buffers, calls, durability, place, store } = outcome.parameters
  const words = [
    ...(volumeOf(outcome) === 'raw' ? [] : [store === 'N' ? 'N' : `${store}, ${durability}`]),
    ...(place === 'disk' ? ['disk'] : []),
    ...(buffers === 'staged' ? ['staged'] : []),
    ...(calls === 'in-place' ? ['in place'] : []),
  ]
  return words.join(', ')
}

/** Where there is little room: the volume and what is done, without what the plot's title says. */
const shortWorks: Readonly<Record<string, string>> = {
  'raw-read': 'read',
  'raw-write': 'write',
  'origin-read': 'origin, read',
  'origin-rewrite': 'origin, write',
  'origin-first-write': 'origin',
  'snapshot-read-store': 'snapshot, read store',
  'snapshot-read-origin': 'snapshot, read origin',
  'snapshot-first-write-partial': 'snapshot, in part',
  'snapshot-first-write-whole': 'snapshot, whole',
  'snapshot-rewrite': 'snapshot, write',
}

/** What sets a case apart on a plot: how it differs from the usual one. */
export function shortText(outcome: Outcome): string {
  const { buffers, calls, chunkBytes, depth, durability, order, store, work, workers } = outcome.parameters
  const isInPlace = calls === 'in-place'
  const differences = [
    ...(order === 'sequential' ? ['sequential 1m'] : []),
    ...(isInPlace ? ['in place'] : depth === usual.depth ? [] : [`depth ${depth}`]),
    ...(isInPlace || workers === usual.workers ? [] : [`${workers} worker`]),
    ...(chunkBytes === usual.chunkBytes ? [] : [`chunk ${sizeText(Number(chunkBytes))}`]),
    ...(store === usual.store ? [] : [String(store)]),
    ...(durability === 'power-loss' ? [durability] : []),
    ...(buffers === 'staged' ? [buffers] : []),
  ]
  return `${shortWorks[String(work)] ?? work}: ${differences.length === 0 ? 'usual' : differences.join(', ')}`
}
