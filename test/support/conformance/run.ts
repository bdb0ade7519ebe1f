/**
 * Replays every recording of a folder, each on a system of its own, and reports as it goes.
 */
import { readRecording } from '../recording.js'
import type { KnownDifference } from './differences.js'
import type { DeviceLayer, RunDmsetup } from './layer.js'
import { type RecordingFile, recordingsIn } from './recordings.js'
import { type Outcome, replay } from './replay.js'
import { recordingLines, sums } from './report.js'
import { type Verdict, verdictOn } from './verdict.js'

/** A device-mapper layer without devices, and its command line. */
export interface System {
  readonly layer: DeviceLayer
  readonly dmsetup: RunDmsetup
  close(): Promise<void>
}

export interface RecordingResult {
  readonly verdict: Verdict
  readonly outcome: Outcome
}

export interface RunOptions {
  readonly folder: string
  readonly known: readonly KnownDifference[]
  readonly start: () => Promise<System>
}

export async function runRecording(
  recording: RecordingFile,
  { folder, known, start }: RunOptions,
): Promise<RecordingResult> {
  const records = readRecording(recording.path)
  const { layer, dmsetup, close } = await start()
  const outcome = await replay(records, { layer, dmsetup, images: folder, known })
  // A request that never ends keeps its system from closing; whoever runs this ends the process.
  if (outcome.brokenOffAt === undefined) await close()
  return { outcome, verdict: verdictOn(outcome) }
}

/** Resolves with whether nothing failed and there was something to replay. */
export async function runFolder({
  folder,
  known,
  start,
  print,
}: RunOptions & { readonly print: (text: string) => void }): Promise<boolean> {
  const verdicts: Verdict[] = []
  const unused = new Set(known)
  for (const recording of recordingsIn(folder)) {
    const { verdict, used } = await verdictOrFailure(recording, { folder, known, start })
    verdicts.push(verdict)
    for (const entry of used) unused.delete(entry)
    print(recordingLines(recording.name, verdict))
  }
  print(sums(verdicts, [...unused]))
  return verdicts.length > 0 && verdicts.every(({ kind }) => kind !== 'failed')
}

/** A file that is no recording, or a system that does not start, is that recording's failure. */
async function verdictOrFailure(
  recording: RecordingFile,
  options: RunOptions,
): Promise<{ verdict: Verdict; used: ReadonlySet<KnownDifference> }> {
  try {
    const { verdict, outcome } = await runRecording(recording, options)
    return { verdict, used: outcome.used }
  } catch (error) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    return { verdict: { kind: 'failed', remark: '', differences: [text] }, used: new Set() }
  }
}
