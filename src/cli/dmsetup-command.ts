/** `cowring dmsetup`: dmsetup's command line, carried out by the daemon. Its words are not commander's: see dmsetup/options. */
import type { Command } from 'commander'
import type { Finish } from './command-parts.js'
import { DaemonClient } from './daemon/client.js'
import { socketPath } from './daemon/socket-path.js'
import { DmsetupFailure } from './dmsetup/failure.js'
import { linkThrough } from './dmsetup/link.js'
import { runDmsetup } from './dmsetup/run.js'

export function addDmsetup(program: Command, finish: Finish): void {
  program
    .command('dmsetup')
    .usage('[--socket <path>] <command> [<options>] [<words>...]')
    .description("manage the daemon's devices with the words of dmsetup(8); 'cowring dmsetup help' lists them")
    .helpOption(false)
    .allowUnknownOption()
    .passThroughOptions()
    .argument('[words...]')
    .action(async (words: readonly string[]) => finish(await dmsetup(words)))
}

async function dmsetup(line: readonly string[]): Promise<number> {
  const { socket, words } = withoutSocket(line)
  let client: Promise<DaemonClient> | undefined
  // Help needs no daemon, so the connection is made when the first verb needs it.
  const connected = () => {
    client ??= (async () => DaemonClient.connect(socketPath(socket, { makeFolder: false })))()
    return client
  }
  const mapper = linkThrough(async (verb, given) => {
    let link: DaemonClient
    try {
      link = await connected()
    } catch (error) {
      throw new DmsetupFailure(`cowring: ${error instanceof Error ? error.message : error}`)
    }
    return link.call(verb, given)
  })
  try {
    return await runDmsetup(words, {
      mapper,
      stdout: (text) => process.stdout.write(text),
      stderr: (text) => process.stderr.write(text),
      stdin: allOfStdin,
      folder: process.cwd(),
      program: 'cowring dmsetup',
      utf8: isUtf8(),
      ...(process.stdout.columns === undefined ? {} : { columns: process.stdout.columns }),
    })
  } finally {
    await client?.then(
      (one) => one.close(),
      () => {},
    )
  }
}

/** Takes `--socket` out, wherever it stands. */
function withoutSocket(line: readonly string[]): { socket: string | undefined; words: readonly string[] } {
  const words = [...line]
  const at = words.findIndex((word) => word === '--socket' || word.startsWith('--socket='))
  if (at < 0) return { socket: undefined, words }
  const [word = ''] = words.splice(at, 1)
  const socket = word.startsWith('--socket=') ? word.slice('--socket='.length) : words.splice(at, 1)[0]
  return { socket, words }
}

async function allOfStdin(): Promise<string> {
  const pieces: Buffer[] = []
  for await (const piece of process.stdin) pieces.push(piece)
  return Buffer.concat(pieces).toString()
}

/** The locale's way to say which characters a terminal draws. */
function isUtf8(): boolean {
  const { LC_ALL, LC_CTYPE, LANG } = process.env
  return /utf-?8/i.test(LC_ALL || LC_CTYPE || LANG || '')
}
