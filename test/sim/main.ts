/**
 * `npm run sim`: simulated runs from a seed on, each with its own. Prints how many, how much, and what was wrong.
 *
 * Exit code 0 when every run passed, 1 when one failed, 2 for bad usage.
 */
import { interpose } from './system/interpose.js'

// Before the engine's modules are loaded: some take a function of the system's into a constant.
interpose()
const { command } = await import('./command.js')
process.exitCode = await command(process.argv.slice(2))
