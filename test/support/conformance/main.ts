/**
 * `npm run conformance -- FOLDER`: replays every recording of the real kernel in a folder through the device-mapper layer,
 * and prints each difference. Exits with 0 if nothing failed.
 */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { Command } from 'commander'
import { knownDifferences } from '../../kernel/known-differences.js'
import { engineSystem } from './engine-system.js'
import { runFolder } from './run.js'

const program = new Command('conformance')
  .description('Replays recordings of a real kernel through the device-mapper layer.')
  .argument('<folder>', 'the folder of the recordings; folders inside it are not looked into')
  .parse()

// npm runs scripts in the package's folder, and says where it was called.
const folder = resolve(process.env.INIT_CWD ?? '.', program.args[0] ?? '.')
const print = (text: string): void => void process.stdout.write(text)
if (!existsSync(folder)) program.error(`conformance: there is no folder ${folder}`)
const passed = await runFolder({ folder, known: knownDifferences, start: engineSystem, print })
// A request that never ended keeps its engine, and with it the process.
process.exit(passed ? 0 : 1)
