/** The mapper: devices made of tables, with the words and rules of dmsetup. */
import type { Volume } from '../coordinator/volume.js'
import type {
  CreateOptions,
  DeviceInfo,
  DeviceNumber,
  LoadOptions,
  MapperEvent,
  RemoveDeviceOptions,
  SuspendOptions,
  TargetVersion,
} from './mapper-types.js'

/** The verbs of dmsetup. Names are those of mapped devices; tables are texts of one line per target. */
export interface Mapper {
  create(name: string, table?: string, options?: CreateOptions): Promise<DeviceInfo>
  load(name: string, table: string, options?: LoadOptions): Promise<void>
  clear(name: string): Promise<void>
  suspend(name: string, options?: SuspendOptions): Promise<void>
  resume(name: string): Promise<void>
  rename(name: string, newName: string): Promise<void>
  setUuid(name: string, uuid: string): Promise<void>
  remove(name: string, options?: RemoveDeviceOptions): Promise<void>
  removeAll(options?: RemoveDeviceOptions): Promise<void>
  wait(name: string, eventNumber?: number, options?: { readonly signal?: AbortSignal }): Promise<number>
  message(name: string, sector: number, text: string): Promise<string | undefined>
  /** The live (or inactive) table: one line per target joined by '\n', '' without one. */
  table(name: string, options?: { readonly inactive?: boolean }): string
  status(name: string): string
  info(name: string): DeviceInfo
  deps(name: string, options?: { readonly inactive?: boolean }): readonly DeviceNumber[]
  /** Every device, ordered by name. */
  list(): readonly DeviceInfo[]
  targets(): readonly TargetVersion[]
  /** One device, or all, as `create --concise` takes them back. Files appear as paths. */
  concise(name?: string): string
  /** Creates every device of a concise text; if one fails, those it made are removed again. */
  createConcise(text: string, options?: LoadOptions): Promise<readonly DeviceInfo[]>
  open(name: string, options?: { readonly readOnly?: boolean }): Promise<Volume>
  on(event: 'event', listener: (event: MapperEvent) => void): () => void
}
