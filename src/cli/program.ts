/** The program: its commands, and how bad usage is said. */
import { Command } from 'commander'
import { exampleText, type Finish } from './command-parts.js'
import { addCompletion } from './completion-command.js'
import { addDaemon } from './daemon-command.js'
import { addDemo } from './demo-command.js'
import { addDmsetup } from './dmsetup-command.js'
import { addIo } from './io-command.js'
import { addLoad } from './load-command.js'
import { addMerge } from './merge-command.js'
import { packageVersion } from './package-version.js'
import { addReplay } from './replay-command.js'
import { addReport } from './report-command.js'
import { addServe } from './serve-command.js'
import { addStore } from './store-command.js'

/** `finish` is called by the command that ran. */
export function cowringProgram(finish: Finish): Command {
  const program = new Command('cowring')
    .description('Copy-on-write snapshots of disk images, in the format of the Linux device mapper, without root.')
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    .enablePositionalOptions()
    .configureOutput({ outputError: (text, write) => write(usageError(text)) })
    .exitOverride()
    .addHelpText(
      'after',
      exampleText(
        'cowring demo disk.img     works on a copy; disk.img is never changed',
        'cowring serve disk.img    an NBD server: snapshots, live, for qemu and nbdcopy',
        'cowring daemon &          then: cowring dmsetup help',
      ),
    )
  addDemo(program, finish)
  addDaemon(program, finish)
  addDmsetup(program, finish)
  addIo(program, finish)
  addLoad(program, finish)
  addMerge(program, finish)
  addReplay(program, finish)
  addReport(program, finish)
  addServe(program, finish)
  addStore(program, finish)
  addCompletion(program, finish)
  return program
}

/** Commander's `error: …` as one line of ours. */
function usageError(text: string): string {
  const what = text
    .trim()
    .replace(/^error: /, '')
    .replace(/\.$/, '')
    .replaceAll('\n', ' ')
  return `cowring: ${what}; 'cowring --help' says what there is\n`
}
