/** The texts of `dmsetup help`, `dmsetup VERB --help` and bad usage. */
import { dmsetupOptions } from './options.js'
import { type Verb, verbs } from './verbs.js'

/** Of everything: one line a verb. */
export function usage(program: string): string {
  const lines = verbs.map(({ name, synopsis }) => `  ${name} ${synopsis}`.trimEnd())
  return `Usage: ${program} <command> [<options>] [<words>...]

${lines.join('\n')}
  help [<command>]

<device> is a name, or for one device -u <uuid> or -j <major> -m <minor>. Options stand anywhere.
Examples:
  $ ${program} create base --table '0 2097152 linear disk.img 0'
  $ ${program} info -c -o name,open,events --noheadings
'${program} <command> --help' says more about one of them.
`
}

/** Of one verb: what it does, its options, an example. */
export function verbHelp(program: string, verb: Verb): string {
  const heeded = dmsetupOptions.filter(({ long }) => long !== undefined && verb.options.includes(long))
  const options = heeded.map(({ flags, description }) => `  ${flags.padEnd(24)} ${description}`)
  const chooses = verb.takesDevices
    ? ['  -u, -j and -m            choose the device by UUID or number instead of by name']
    : []
  const all = [...options, ...chooses]
  return `Usage: ${program} ${verb.name} ${verb.synopsis}`
    .trimEnd()
    .concat(`\n\n${verb.summary}\n\n`)
    .concat(all.length === 0 ? '' : `Options:\n${all.join('\n')}\n\n`)
    .concat(`Example${verb.examples.length > 1 ? 's' : ''}:\n`)
    .concat(verb.examples.map((example) => `  $ ${program} ${example}\n`).join(''))
}
