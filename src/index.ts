/** cowring: copy-on-write snapshots in your own process. The public API, and the only barrel. */
export { CowringError, type ErrorCode, type ErrorFacts } from './base/errors.js'
export type { ByteRange } from './control/chunk-ranges.js'
export type { DeltaRange } from './control/delta-ranges.js'
export type { DeviceVolume } from './control/device-volume.js'
export type { DroppedEntry } from './control/entry-conflicts.js'
export { type HeldFile, holdFile } from './control/hold-file.js'
export {
  type InspectOptions,
  inspectStore,
  type StoreEntry,
  type StoreInspection,
  type StoreReport,
} from './control/inspect-store.js'
export type { Mapper } from './control/mapper.js'
export type {
  CreateOptions,
  DeviceInfo,
  DeviceNumber,
  LoadOptions,
  MapperEvent,
  MapperOptions,
  RemoveDeviceOptions,
  StoreUsage,
  SuspendOptions,
  TargetVersion,
} from './control/mapper-types.js'
export type { Merge, MergeOptions, MergeProgress, MergeState, MergeUnderWay } from './control/merge.js'
export type { Origin } from './control/origin.js'
export { type RepairOptions, type RepairReport, repairStore } from './control/repair-store.js'
export type { RemoveOptions, Snapshot, SnapshotState, SnapshotUsage } from './control/snapshot.js'
export type { Durability, SnapshotOptions, StoreType } from './control/snapshot-options.js'
export { type DeltaOptions, storeDelta } from './control/store-delta.js'
export type { Volume } from './coordinator/volume.js'
export { Engine, type EngineOptions, type OpenOptions } from './engine.js'
export type { Usage } from './format/usage.js'
export type { Source } from './io/open-source.js'
export type { AttachedEngine } from './seat/attached-engine.js'
export type { AttachedVolume } from './seat/attached-volume.js'
export type { SeatToken } from './seat/seat-token.js'
export type { EngineStatistics, LatencyStep, LatencySummary, OperationStatistics } from './shm/statistics.js'
