/** `cowring completion`: prints a script that completes commands, options and the names of devices. */
import { Argument, type Command } from 'commander'
import { exampleText, exitCodes, type Finish } from './command-parts.js'
import { bashScript } from './completion/bash-script.js'
import { placesOf } from './completion/command-tree.js'
import { zshScript } from './completion/zsh-script.js'

const scripts = { bash: bashScript, zsh: zshScript } as const

export function addCompletion(program: Command, finish: Finish): void {
  program
    .command('completion')
    .description('print a script for the shell that completes commands, options and names of devices')
    .addArgument(new Argument('<shell>', 'which shell').choices(Object.keys(scripts)))
    .addHelpText('after', exampleText('source <(cowring completion bash)'))
    .action((shell: keyof typeof scripts) => {
      process.stdout.write(scripts[shell](placesOf(program)))
      finish(exitCodes.done)
    })
}
