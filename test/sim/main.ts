/**
 * `npm run sim`: the engine in one thread, on simulated disks, without real time; each run from a seed of its own.
 */
import { interpose } from './system/interpose.js'

// Before the engine's modules are loaded: some take a function of the system's into a constant.
interpose()
// What an engine that was crashed had to say is nobody's business.
process.removeAllListeners('warning')
const { command, share } = await import('./command.js')
const [first, part] = process.argv.slice(2)
if (first === '--share' && part !== undefined) process.send?.(await share(JSON.parse(part)), () => process.disconnect())
else process.exitCode = await command(process.argv.slice(2))
