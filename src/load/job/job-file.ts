/** Job files of fio: sections of `key=value` lines. What is in `[global]` holds for the jobs below it. */
import { CowringError } from '../../index.js'
import type { JobOptionName, JobOptions } from './job-options.js'
import { jobOptionNames, jobOptions, optionNamed } from './job-options.js'
import { ValueError } from './values.js'

/** A job as it was written: texts by option, each with where it stands. */
export interface WrittenJob {
  readonly name: string
  readonly options: ReadonlyMap<JobOptionName, WrittenValue>
}

export interface WrittenValue {
  readonly text: string
  /** `load.fio:7`, or `--runtime`. */
  readonly where: string
}

/** Fails with INVALID_ARGUMENT. `file` is its name in messages. */
export function parseJobFile(text: string, file: string): WrittenJob[] {
  const jobs: WrittenJob[] = []
  let global = new Map<JobOptionName, WrittenValue>()
  let current: Map<JobOptionName, WrittenValue> | undefined
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const where = `${file}:${index + 1}`
    // A comment behind a value has a space before it here, so that paths may have these signs.
    const line = raw.replace(/(^|\s)[#;].*$/, '').trim()
    if (line === '') continue
    const [, section] = /^\[(.+)\]$/.exec(line) ?? []
    if (section === 'global') {
      // A later one adds to those before, for the jobs below it.
      global = new Map(global)
      current = global
    } else if (section !== undefined) {
      current = new Map(global)
      jobs.push({ name: section, options: current })
    } else if (current === undefined) {
      throw fault(`${where}: '${line}' stands before any [job]; begin with [global] or a job's name in brackets`)
    } else {
      const [key = '', ...rest] = line.split('=')
      current.set(knownOption(key.trim(), where), { text: rest.join('=').trim(), where })
    }
  }
  if (jobs.length === 0) throw fault(`${file} has no job; a job begins with its name in brackets, such as [randwrite]`)
  return jobs
}

/** The option that a key means. Fails with INVALID_ARGUMENT, and lists what is known. */
export function knownOption(key: string, where: string): JobOptionName {
  const name = optionNamed(key)
  if (name !== undefined) return name
  throw fault(`${where}: unknown option '${key}'; known are ${jobOptionNames.join(', ')}`)
}

/** Fails with INVALID_ARGUMENT: what is wrong with which value, and where it stands. */
export function parseOptions({ options }: WrittenJob): JobOptions {
  const parsed: Record<string, unknown> = {}
  for (const [name, { text, where }] of options) {
    try {
      parsed[name] = jobOptions[name].parse(text)
    } catch (error) {
      if (!(error instanceof ValueError)) throw error
      throw fault(`${where}: ${name} cannot be '${text}'; ${error.message}`)
    }
  }
  return parsed as JobOptions
}

const fault = (text: string): CowringError => new CowringError('INVALID_ARGUMENT', text)
