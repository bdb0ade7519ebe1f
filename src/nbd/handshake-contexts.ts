/** Which meta contexts a client means: queries against the names that an export has. */
import type { ExportContext } from './exports.js'
import { contextName } from './protocol.js'

/** What LIST takes for all that begin so. SET takes whole names only. */
const wildcards: ReadonlySet<string> = new Set(['base:', 'qemu:', contextName.dirtyBitmapPrefix])

/** The contexts to list: all if nothing is asked for. What no query matches is left out, and unknown queries mean nothing. */
export function listedContexts(contexts: readonly ExportContext[], queries: readonly string[]): ExportContext[] {
  if (queries.length === 0) return [...contexts]
  return contexts.filter(({ name }) =>
    queries.some((query) => (wildcards.has(query) ? name.startsWith(query) : name === query)),
  )
}

/** The contexts to set, in the order they were asked for, each once. */
export function chosenContexts(contexts: readonly ExportContext[], queries: readonly string[]): ExportContext[] {
  return [...new Set(queries)].flatMap((query) => contexts.filter(({ name }) => name === query))
}
