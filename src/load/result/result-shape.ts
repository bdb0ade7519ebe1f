/** Whether a record read from a file has all that a LoadResult has: what is made of it must not stumble. */
import { directionNames } from './load-result.js'

/** What is wrong with a value, `at` the place where it is; nothing if it is as it should be. */
type Check = (value: unknown, at: string) => string | undefined

/** Names the first field that is missing or of another kind. */
export const resultFault = (value: unknown): string | undefined => result(value, '')

const ofType =
  (type: 'string' | 'number' | 'boolean'): Check =>
  (value, at) =>
    typeof value === type ? undefined : `${at} is ${said(value)}, not a ${type}`

const text = ofType('string')
const number = ofType('number')
const flag = ofType('boolean')

const optional =
  (check: Check): Check =>
  (value, at) =>
    value === undefined ? undefined : check(value, at)

const orNull =
  (check: Check): Check =>
  (value, at) =>
    value === null ? undefined : check(value, at)

const list =
  (check: Check): Check =>
  (value, at) => {
    if (!Array.isArray(value)) return `${at} is ${said(value)}, not a list`
    return firstOf(value, (item, index) => check(item, `${at}[${index}]`))
  }

const fields =
  (checks: Readonly<Record<string, Check>>): Check =>
  (value, at) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      return `${at === '' ? 'it' : at} is ${said(value)}, not a record`
    }
    const record = value as Readonly<Record<string, unknown>>
    return firstOf(Object.entries(checks), ([name, check]) => check(record[name], at === '' ? name : `${at}.${name}`))
  }

const textsByName: Check = (value, at) =>
  fields({})(value, at) ?? firstOf(Object.entries(value as object), ([name, option]) => text(option, `${at}.${name}`))

const bucket: Check = (value, at) =>
  Array.isArray(value) && value.length === 2 && value.every((part) => typeof part === 'number')
    ? undefined
    : `${at} is ${said(value)}, not a value and a count`

function firstOf<Item>(items: readonly Item[], fault: (item: Item, index: number) => string | undefined) {
  for (const [index, item] of items.entries()) {
    const found = fault(item, index)
    if (found !== undefined) return found
  }
  return undefined
}

const said = (value: unknown): string => {
  if (value === undefined) return 'missing'
  if (value === null) return 'null'
  return Array.isArray(value) ? 'a list' : `a ${typeof value === 'object' ? 'record' : typeof value}`
}

const byDirection = (check: Check): Check => fields(Object.fromEntries(directionNames.map((name) => [name, check])))

const latency = fields({
  samples: number,
  minNanoseconds: number,
  maxNanoseconds: number,
  meanNanoseconds: number,
  deviationNanoseconds: number,
  buckets: list(bucket),
})
const direction = fields({
  requests: number,
  bytes: number,
  errors: number,
  seconds: number,
  latency,
  service: latency,
})
const job = fields({
  name: text,
  group: number,
  target: text,
  options: textsByName,
  clones: number,
  depth: number,
  arrival: text,
  directions: byDirection(direction),
  failure: optional(text),
})
const point = fields({
  atSeconds: number,
  seconds: number,
  isRamp: flag,
  directions: byDirection(
    fields({
      requests: number,
      bytes: number,
      p50Nanoseconds: number,
      p99Nanoseconds: number,
      maxNanoseconds: number,
    }),
  ),
})
const mark = fields({ atSeconds: number, endSeconds: number, text, failure: optional(text) })
const store = fields({
  snapshot: text,
  points: list(fields({ atSeconds: number, percent: number, allocatedSectors: number, totalSectors: number })),
  merge: list(fields({ atSeconds: number, done: number })),
})
const verification = fields({
  sectorsChecked: number,
  violations: list(fields({ kind: text, volume: text, sector: number, atSeconds: number, story: text })),
  moreViolations: number,
  readToTheEnd: list(text),
  unchecked: list(fields({ volume: text, reason: text })),
})
const result = fields({
  version: text,
  startedAt: text,
  elapsedSeconds: number,
  title: text,
  machine: fields({ cpu: text, cores: number, memoryBytes: number, kernel: text, node: text }),
  jobs: list(job),
  series: list(point),
  timeline: list(mark),
  stores: list(store),
  snapshotsAtStart: orNull(number),
  verification: orNull(verification),
})
