/** What a dmsetup command runs in, and what a verb is given. */
import type { MapperLink } from './link.js'
import type { DmsetupOptions } from './options.js'

/** Everything outside that `runDmsetup` touches: it never uses `process`. */
export interface DmsetupContext {
  readonly mapper: MapperLink
  readonly stdout: (text: string) => void
  readonly stderr: (text: string) => void
  /** The whole of standard input. */
  readonly stdin: () => Promise<string>
  /** What relative paths are relative to, in tables too: an absolute path. */
  readonly folder: string
  /** What the program is called in messages; `dmsetup` by default. */
  readonly program?: string
  /** Draw trees with box-drawing characters unless told otherwise. */
  readonly utf8?: boolean
  /** Width of the terminal, where there is one. */
  readonly columns?: number
}

export interface Call {
  readonly context: DmsetupContext
  readonly verb: string
  readonly options: DmsetupOptions
  /** What stands after the verb. */
  readonly words: readonly string[]
}
