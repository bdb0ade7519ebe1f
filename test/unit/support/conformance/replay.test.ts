import { describe, expect, test } from 'vitest'
import { recordingNames, recordingPath, recordingsFolder } from '../../../kernel/recordings-folder.js'
import type { Asked } from '../../../support/conformance/differences.js'
import { plainSystem } from '../../../support/conformance/plain-system.js'
import { type Outcome, replay } from '../../../support/conformance/replay.js'
import { type CommandRecord, type Recorded, readRecording } from '../../../support/recording.js'

/** Shortest first, because they are quick. */
const recordings = recordingNames
  .map((name) => readRecording(recordingPath(name)))
  .sort((one, other) => one.length - other.length)

async function replayed(records: readonly Recorded[]): Promise<Outcome> {
  const { layer, dmsetup, close } = await plainSystem()
  const outcome = await replay(records, { layer, dmsetup, images: recordingsFolder, known: [] })
  await close()
  return outcome
}

const refusedTable = (record: Recorded): record is CommandRecord =>
  record.t === 'dm' && record.klog.some((line) => line.includes(': table: '))

/** Changes the last record that `change` has an answer for; '' where a recording has none. */
function changed(
  change: (record: Recorded) => Recorded | undefined,
): { records: readonly Recorded[]; index: number } | undefined {
  for (const records of recordings) {
    const index = records.findLastIndex((record) => change(record) !== undefined)
    const other = records[index] === undefined ? undefined : change(records[index])
    if (other !== undefined) return { records: records.with(index, other), index }
  }
  return undefined
}

const changes: readonly [Asked['aspect'], string, (record: Recorded) => Recorded | undefined][] = [
  ['answer', 'an exit code', (one) => (one.t === 'dm' && one.cmd.includes('remove') ? { ...one, rc: 1 } : undefined)],
  [
    'answer',
    'a line of output',
    (one) => (one.t === 'dm' && one.out.length > 1 ? { ...one, out: one.out.toSpliced(1, 1) } : undefined),
  ],
  [
    'answer',
    'the minor number in an error',
    (one) => (refusedTable(one) ? { ...one, err: one.err.map((line) => line.replace(/25[34]:/, '253:1')) } : undefined),
  ],
  [
    'log',
    'the reason of a refusal',
    (one) =>
      refusedTable(one)
        ? { ...one, klog: one.klog.map((line) => line.replace(/: snapshot(-merge)?: /, ': other: ')) }
        : undefined,
  ],
  ['table', 'a table', (one) => (one.t === 'state' ? { ...one, table: `${one.table} 0` } : undefined)],
  ['status', 'a status', (one) => (one.t === 'state' ? { ...one, status: `${one.status.trimEnd()}1` } : undefined)],
  ['events', 'an event number', (one) => (one.t === 'state' ? { ...one, events: one.events + 1 } : undefined)],
  [
    'content',
    'the digest of a device',
    (one) => (one.t === 'state' && one.md5 !== undefined ? { ...one, md5: 'EIO@8' } : undefined),
  ],
  ['request', 'the result of a request', (one) => (one.t === 'io' ? { ...one, res: 'ENOSPC' } : undefined)],
  ['data', 'what a request read', (one) => (one.t === 'io' && one.op === 'r' ? { ...one, md5: '0' } : undefined)],
  [
    'content',
    'the content in runs',
    (one) => (one.t === 'runs' ? { ...one, runs: one.runs.with(-1, [0, 1, 2, 3]) } : undefined),
  ],
  ['image', 'a COW image', (one) => (one.t === 'cow' ? { ...one, md5: '0' } : undefined)],
]

describe('a replay finds one changed fact, and nothing else', () => {
  test.each(changes)('%s: %s', async (aspect, _, change) => {
    const { records, index } = changed(change) ?? { records: [], index: -1 }
    const { differences } = await replayed(records)
    expect(new Set(differences.map(({ record, asked }) => `${asked.aspect} of ${record}`))).toEqual(
      new Set([`${aspect} of ${index}`]),
    )
  })

  test('image: one sector of the COW that is not as in the image', async () => {
    const records = recordings.find((all) => all.some(({ t }) => t === 'cow')) ?? []
    const index = records.findIndex(({ t }) => t === 'cow')
    const { name, sectors } = records[index] as Extract<Recorded, { t: 'cow' }>
    const write: Recorded = { t: 'io', dev: name, op: 'w', off: sectors - 1, len: 1, salt: 1, res: 'ok' }
    const { differences } = await replayed(records.toSpliced(index, 0, write))
    expect(differences.map(({ asked }) => asked.aspect)).toEqual(['image'])
  })
})

test('a merge comes to rest before the next record is compared', async () => {
  const dm = (cmd: string): Recorded => ({ t: 'dm', cmd, rc: 0, out: [], err: [], klog: [] })
  const records: readonly Recorded[] = [
    { t: 'prep', dev: 'o', do: 'linear', sectors: 64 },
    { t: 'prep', dev: 'c', do: 'linear', sectors: 64 },
    { t: 'prep', dev: 'c', do: 'cowinit' },
    dm("dmsetup create s --table '0 64 snapshot /dev/mapper/o /dev/mapper/c P 8'"),
    { t: 'io', dev: 's', op: 'w', off: 0, len: 8, salt: 1, res: 'ok' },
    dm('dmsetup remove s'),
    dm("dmsetup create m --table '0 64 snapshot-merge /dev/mapper/o /dev/mapper/c P 8'"),
    {
      t: 'state',
      name: 'm',
      table: '0 64 snapshot-merge @o @c P 8',
      status: '0 64 snapshot-merge 16/64 16',
      events: 0,
    },
  ]
  expect(await replayed(records)).toMatchObject({ differences: [], compared: 5, brokenOffAt: undefined })
})

test('a request that would wait for ever breaks the replay off, and says so', async () => {
  const records: readonly Recorded[] = [
    { t: 'prep', dev: 'o', do: 'linear', sectors: 64 },
    { t: 'dm', cmd: 'dmsetup suspend o', rc: 0, out: [], err: [], klog: [] },
    { t: 'io', dev: 'o', op: 'r', off: 0, len: 8, res: 'ok' },
  ]
  const { differences, brokenOffAt } = await replayed(records)
  expect(differences.map(({ record, found }) => [record, found.split('\n')[0]])).toEqual([
    [2, 'Error: a request to o, which is suspended, would wait for ever'],
  ])
  expect(brokenOffAt).toBe(2)
})
