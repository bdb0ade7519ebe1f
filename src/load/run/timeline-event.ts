/** What is to happen while the jobs run: `5s snapshot monday chunk=8`, `20s merge monday`, `30s kill-worker 0`. */
import { CowringError, type Durability, type StoreType } from '../../index.js'
import { oneOf, size, time, ValueError, whole } from '../job/values.js'
import type { SnapshotWish } from '../target/engine-target.js'

export type TimelineEvent = { readonly atSeconds: number; readonly text: string } & (
  | { readonly verb: 'snapshot'; readonly name: string; readonly wish: SnapshotWish }
  | { readonly verb: 'remove'; readonly name: string }
  | { readonly verb: 'merge'; readonly name: string }
  | { readonly verb: 'kill-worker'; readonly worker: number }
)

const forms =
  "'5s snapshot NAME [chunk=SECTORS] [store=P|PO|N] [durability=…] [size=BYTES]', '9s remove NAME', '20s merge NAME', '30s kill-worker NUMBER'"

const wishes = new Map<string, (text: string) => SnapshotWish>(
  Object.entries({
    chunk: (text) => ({ chunkSectors: whole(1, 2_097_152)(text) }),
    store: (text) => ({ store: oneOf<Lowercase<StoreType>>(['p', 'po', 'n'])(text).toUpperCase() as StoreType }),
    durability: (text) => ({ durability: oneOf<Durability>(['power-loss', 'process-crash', 'none'])(text) }),
    size: (text) => ({ cowBytes: size(text) }),
  } satisfies Record<string, (text: string) => SnapshotWish>),
)

/** Fails with INVALID_ARGUMENT. */
export function parseTimelineEvent(text: string): TimelineEvent {
  const [at = '', verb = '', object = '', ...rest] = text.trim().split(/\s+/)
  try {
    const event = { atSeconds: time(at), text: [verb, object, ...rest].join(' ') }
    if (verb === 'snapshot' && object !== '') return { ...event, verb, name: object, wish: wishOf(rest) }
    if (rest.length > 0) throw new ValueError(`'${rest.join(' ')}' is too much`)
    if (verb === 'merge' && object !== '') return { ...event, verb, name: object }
    if (verb === 'remove' && object !== '') return { ...event, verb, name: object }
    if (verb === 'kill-worker') return { ...event, verb, worker: whole(0, 15)(object) }
  } catch (error) {
    if (!(error instanceof ValueError)) throw error
    throw new CowringError('INVALID_ARGUMENT', `event '${text}': ${error.message}; events are ${forms}`)
  }
  throw new CowringError('INVALID_ARGUMENT', `event '${text}' is none; events are ${forms}`)
}

function wishOf(settings: readonly string[]): SnapshotWish {
  const parsed = settings.map((setting) => {
    const at = setting.indexOf('=')
    const parse = wishes.get(setting.slice(0, at))
    if (at < 0 || parse === undefined) throw new ValueError(`'${setting}' is no setting of a snapshot`)
    return parse(setting.slice(at + 1))
  })
  return Object.assign({}, ...parsed)
}
