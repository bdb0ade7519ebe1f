/** What `cowring merge` says. */
import type { MergeProgress } from '../../index.js'
import type { MergedDevices } from '../daemon/protocol.js'
import { bytes, duration, percent, timeLeft } from '../figures.js'
import type { Aftermath, RemoteMerge } from './remote-merge.js'

/** How to name the merge in another command: what this one was given. */
export interface MergeWords {
  readonly name: string
  readonly socket: string | undefined
}

/** From 0 to 1; a snapshot that holds nothing is merged as soon as it is asked for. */
export const fractionOf = ({ done, total }: MergeProgress): number => (total === 0 ? 1 : done / total)

export function progressText(progress: MergeProgress): string {
  const { bytesPerSecond, etaSeconds, state } = progress
  const left = etaSeconds === undefined ? '' : `  ${timeLeft(etaSeconds)} left`
  const pace = state === 'paused' ? 'paused' : `${bytes(bytesPerSecond)}/s${left}`
  return `${percent(fractionOf(progress) * 100)}  ${amount(progress)}  ${pace}`
}

export function mergedText(
  { origin, snapshot = 'the snapshot' }: MergedDevices,
  { total }: MergeProgress,
  { doneBefore, seconds }: RemoteMerge['since'],
): string {
  const merged = `${snapshot} is merged into ${origin}`
  if (total === 0) return `${merged}: it held nothing.`
  if (doneBefore === total) return `${merged} already.`
  const moved = doneBefore === 0 ? bytes(total) : `the last ${bytes(total - doneBefore)} of ${bytes(total)}`
  return `${merged}: ${moved} in ${duration(seconds)}.`
}

/** What is where now. */
export function aftermathText({ origin, snapshot }: MergedDevices, after: Aftermath): string {
  const device = originText(origin, after.originTarget)
  if (snapshot === undefined) return `${device}.`
  const rest = after.isSnapshotThere
    ? `the device ${snapshot} is open, and has errors: remove it when it is not`
    : `the device ${snapshot} is gone`
  return `${device}, ${rest}.`
}

function originText(origin: string, target: string | undefined): string {
  switch (target) {
    case undefined:
      return `${origin} has been removed since`
    case 'snapshot-origin':
      return `${origin} is a plain origin again`
    case 'snapshot-merge':
      return `${origin} has the table of the merge still: load one of a snapshot-origin`
    default:
      return `${origin} has another table by now`
  }
}

export const pausedText = (words: MergeWords, { origin }: MergedDevices, progress: MergeProgress): string =>
  `the merge is paused at ${place(progress)}, and ${origin} shows the snapshot's content; ${waysOn(words)}`

export const cancelledElsewhereText = (words: MergeWords, { origin }: MergedDevices, progress: MergeProgress): string =>
  `another command cancelled the merge at ${place(progress)}, and ${origin} shows the snapshot's content; ` +
  `'${commandLine(words)}' goes on`

export const cancelledText = (
  words: MergeWords,
  { origin, snapshot = 'the snapshot' }: MergedDevices,
  progress: MergeProgress,
): string =>
  `The merge of ${snapshot} into ${origin} is cancelled at ${place(progress)}. The rest is in its store, ` +
  `and ${origin} goes on showing the snapshot's content. '${commandLine(words)}' goes on.`

const place = (progress: MergeProgress): string => `${percent(fractionOf(progress) * 100)}, ${amount(progress)}`

const amount = ({ done, total }: MergeProgress): string => `${bytes(done)} of ${bytes(total)}`

const waysOn = (words: MergeWords): string =>
  `'${commandLine(words)}' goes on, '${commandLine(words)} --cancel' ends it`

const commandLine = ({ name, socket }: MergeWords): string =>
  `cowring merge ${name}${socket === undefined ? '' : ` --socket ${socket}`}`
