/** What is told of each mapped device: those of tables, and the origins and snapshots of `engine.open`. */
import type { DeviceInfo, Mapper, MergeProgress, MergeState, StoreUsage } from '../index.js'
import type { Figure, Sample } from './derived-metric.js'

export interface DeviceReading {
  readonly info: DeviceInfo
  /** Of a snapshot, or of what is merged. */
  readonly store: StoreUsage | undefined
  /** Of the device that is merged into, while its table says so. */
  readonly merge: MergeProgress | undefined
}

export function readDevices(mapper: Mapper): DeviceReading[] {
  return mapper.list().map((info) => {
    const store = mapper.usage(info.name)
    const merge = store?.target === 'snapshot-merge' ? mapper.merging(info.name)?.merge.current : undefined
    return { info, store, merge }
  })
}

type Devices = readonly DeviceReading[]

const sectorBytes = 512

/** The words of `cowring dmsetup status --json`, and one more for merges. */
const stateWords: Readonly<Record<StoreUsage['state'], string>> = {
  Valid: 'valid',
  Overflow: 'overflow',
  Invalid: 'invalid',
  'Merge failed': 'merge-failed',
  merging: 'merging',
}
const storeStates = Object.values(stateWords)
const mergeStates: readonly MergeState[] = ['running', 'paused', 'merged', 'cancelled', 'failed']

const ofDevice =
  (pick: (info: DeviceInfo) => number) =>
  (devices: Devices): Sample[] =>
    devices.map(({ info }) => ({ labels: { device: info.name }, value: pick(info) }))

const ofStore =
  (pick: (store: StoreUsage) => number) =>
  (devices: Devices): Sample[] =>
    devices.flatMap(({ info, store }) =>
      store === undefined ? [] : [{ labels: { device: info.name, target: store.target }, value: pick(store) }],
    )

const ofMerge =
  (pick: (merge: MergeProgress) => number) =>
  (devices: Devices): Sample[] =>
    devices.flatMap(({ info, merge }) =>
      merge === undefined ? [] : [{ labels: { device: info.name }, value: pick(merge) }],
    )

/** One series for each state: 1 for the one that holds, 0 for the others. */
const states = (labels: Sample['labels'], words: readonly string[], current: string): Sample[] =>
  words.map((state) => ({ labels: { ...labels, state }, value: Number(state === current) }))

const deviceLabels = ['device']
const storeLabels = ['device', 'target']

export const deviceFigures: readonly Figure<Devices>[] = [
  {
    name: 'cowring_device_size_bytes',
    help: 'Length of the live table; 0 without one.',
    type: 'gauge',
    labels: deviceLabels,
    samples: ofDevice(({ sectors }) => sectors * sectorBytes),
  },
  {
    name: 'cowring_device_suspended',
    help: '1 while the device is suspended, and its requests wait.',
    type: 'gauge',
    labels: deviceLabels,
    samples: ofDevice(({ suspended }) => Number(suspended)),
  },
  {
    name: 'cowring_device_users',
    help: 'The open count: volumes opened on the device, and devices whose tables use it.',
    type: 'gauge',
    labels: deviceLabels,
    samples: ofDevice(({ openCount }) => openCount),
  },
  {
    name: 'cowring_device_events_total',
    help: 'The event number of the device.',
    type: 'counter',
    labels: deviceLabels,
    samples: ofDevice(({ eventNumber }) => eventNumber),
  },
  {
    name: 'cowring_store_allocated_bytes',
    help: 'Bytes of the COW in use, metadata included.',
    type: 'gauge',
    labels: storeLabels,
    samples: ofStore(({ allocatedSectors }) => allocatedSectors * sectorBytes),
  },
  {
    name: 'cowring_store_metadata_bytes',
    help: 'Bytes of metadata among those in use.',
    type: 'gauge',
    labels: storeLabels,
    samples: ofStore(({ metadataSectors }) => metadataSectors * sectorBytes),
  },
  {
    name: 'cowring_store_size_bytes',
    help: 'Size of the COW.',
    type: 'gauge',
    labels: storeLabels,
    samples: ofStore(({ totalSectors }) => totalSectors * sectorBytes),
  },
  {
    name: 'cowring_store_used_ratio',
    help: "How full the store is, as LVM2's Data% counts: 0 to 1, and 1 for a store that is not valid.",
    type: 'gauge',
    labels: storeLabels,
    samples: ofStore(({ percent }) => percent / 100),
  },
  {
    name: 'cowring_store_exceptions',
    help: 'Exceptions in the store.',
    type: 'gauge',
    labels: storeLabels,
    samples: ofStore(({ exceptions }) => exceptions),
  },
  {
    name: 'cowring_snapshot_valid',
    help: '0 for a snapshot that is invalid, or whose merge has failed; 1 otherwise.',
    type: 'gauge',
    labels: storeLabels,
    samples: ofStore(({ state }) => Number(state !== 'Invalid' && state !== 'Merge failed')),
  },
  {
    name: 'cowring_snapshot_state',
    help: `1 for the state that the snapshot is in, 0 for the others: ${storeStates.join(', ')}.`,
    type: 'gauge',
    labels: [...storeLabels, 'state'],
    samples: (devices) =>
      devices.flatMap(({ info, store }) =>
        store === undefined
          ? []
          : states({ device: info.name, target: store.target }, storeStates, stateWords[store.state]),
      ),
  },
  {
    name: 'cowring_merge_done_bytes',
    help: "Bytes of the snapshot's exceptions that were merged; whole chunks.",
    type: 'gauge',
    labels: deviceLabels,
    samples: ofMerge(({ done }) => done),
  },
  {
    name: 'cowring_merge_size_bytes',
    help: 'Bytes that there were to merge when the merge began.',
    type: 'gauge',
    labels: deviceLabels,
    samples: ofMerge(({ total }) => total),
  },
  {
    name: 'cowring_merge_state',
    help: `1 for the state that the merge is in, 0 for the others: ${mergeStates.join(', ')}.`,
    type: 'gauge',
    labels: [...deviceLabels, 'state'],
    samples: (devices) =>
      devices.flatMap(({ info, merge }) =>
        merge === undefined ? [] : states({ device: info.name }, mergeStates, merge.state),
      ),
  },
]
