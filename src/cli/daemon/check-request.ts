/**
 * What a request may look like, field by field. What passes can be given to the mapper as it is; what a name or a table
 * means is for the mapper to judge.
 */
import { isAbsolute } from 'node:path'
import { type DaemonRequest, type DaemonVerb, daemonVerbs, dataBytesMax } from './protocol.js'

type Check = (value: unknown) => boolean

export class BadRequest extends Error {
  override readonly name = 'BadRequest'
}

const flag: Check = (value) => typeof value === 'boolean'
const text: Check = (value) => typeof value === 'string' && !value.includes('\0')
const name: Check = (value) => text(value) && (value as string).length <= 4096
const folder: Check = (value) => name(value) && isAbsolute(value as string)
const whole: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0
const amount: Check = (value) => whole(value) && (value as number) <= dataBytesMax
const positive: Check = (value) => Number.isFinite(value) && (value as number) > 0
const bytes: Check = (value) => value instanceof Uint8Array && value.byteLength <= dataBytesMax
const missing = (value: unknown): boolean => value === undefined || value === null
const optional =
  (check: Check): Check =>
  (value) =>
    missing(value) || check(value)
const oneOf =
  (...words: readonly string[]): Check =>
  (value) =>
    typeof value === 'string' && words.includes(value)
const fields =
  (known: Readonly<Record<string, Check>>): Check =>
  (value) =>
    missing(value) ||
    (typeof value === 'object' &&
      !Array.isArray(value) &&
      Object.entries(value as object).every(([key, one]) => Object.hasOwn(known, key) && known[key]?.(one) === true))

const loading = { readOnly: flag, folder, durability: oneOf('power-loss', 'process-crash') }
const removing = fields({ force: flag, deferred: flag, retry: flag })
const slot = fields({ inactive: flag })

const words: Readonly<Record<DaemonVerb, readonly Check[]>> = {
  create: [name, optional(text), fields({ ...loading, uuid: name, minor: whole })],
  load: [name, text, fields(loading)],
  clear: [name],
  suspend: [name, fields({ noFlush: flag })],
  resume: [name],
  rename: [name, name],
  setUuid: [name, name],
  remove: [name, removing],
  removeAll: [removing],
  wait: [name, optional(whole)],
  message: [name, whole, text],
  table: [name, slot],
  status: [name],
  info: [name],
  deps: [name, slot],
  list: [],
  targets: [],
  concise: [optional(name)],
  createConcise: [text, fields(loading)],
  open: [name, fields({ readOnly: flag })],
  read: [whole, whole, amount],
  write: [whole, whole, bytes],
  zero: [whole, whole, whole],
  discard: [whole, whole, whole],
  flush: [whole],
  close: [whole],
  merge: [name, fields({ rateLimit: optional(positive), latencyTarget: optional(positive) })],
  mergeProgress: [whole],
  mergePause: [whole],
  mergeCancel: [name],
}

/** The request, with every word checked and those left out as `undefined`. Fails with a BadRequest. */
export function checkRequest(value: unknown): DaemonRequest {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new BadRequest('a request is no object')
  const { id, verb, words: given } = value as Readonly<Record<string, unknown>>
  if (!whole(id)) throw new BadRequest('a request has no number')
  if (typeof verb !== 'string' || !daemonVerbs.has(verb)) throw new BadRequest('a request has no known verb')
  if (!Array.isArray(given)) throw new BadRequest(`a '${verb}' has no words`)
  const checks = words[verb as DaemonVerb]
  if (given.length > checks.length) throw new BadRequest(`a '${verb}' has too many words`)
  const checked = checks.map((check, at) => {
    const word = missing(given[at]) ? undefined : given[at]
    if (!check(word)) throw new BadRequest(`word ${at + 1} of a '${verb}' is not what it should be`)
    return word
  })
  return { id: id as number, verb: verb as DaemonVerb, words: checked }
}
