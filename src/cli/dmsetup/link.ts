/**
 * The way from a command line to a mapper: its verbs, each of them asynchronous, because the mapper may be in a daemon.
 *
 * `mapperVerbs` is the one list of what crosses the socket.
 */
import type { Mapper } from '../../index.js'

export const mapperVerbs = [
  'create',
  'load',
  'clear',
  'suspend',
  'resume',
  'rename',
  'setUuid',
  'remove',
  'removeAll',
  'wait',
  'message',
  'table',
  'status',
  'info',
  'deps',
  'list',
  'targets',
  'concise',
  'createConcise',
] as const satisfies readonly (keyof Mapper)[]

export type MapperVerb = (typeof mapperVerbs)[number]

export type MapperLink = {
  readonly [verb in MapperVerb]: (...words: Parameters<Mapper[verb]>) => Promise<Awaited<ReturnType<Mapper[verb]>>>
}

/** A link whose every verb goes through `call`: the name of the verb and its arguments. */
export function linkThrough(call: (verb: MapperVerb, words: unknown[]) => Promise<unknown>): MapperLink {
  const verbs = mapperVerbs.map((verb) => [verb, (...words: unknown[]) => call(verb, words)] as const)
  // The list and the type stand on the same names; what a verb answers is the callee's promise.
  return Object.fromEntries(verbs) as unknown as MapperLink
}

/** The link to a mapper in this process. What it refuses at once is a rejection as well. */
export function localLink(mapper: Mapper): MapperLink {
  return linkThrough(async (verb, words) => {
    const method = mapper[verb] as (...words: unknown[]) => unknown
    return method.apply(mapper, words)
  })
}
