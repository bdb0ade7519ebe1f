/**
 * Makes `npm start` and `npm test` work from a fresh clone: installs what the lock file names if it is not installed yet,
 * and builds if a source is newer than the build. Uses nothing but Node, because nothing else may be there.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

const root = new URL('..', import.meta.url).pathname
process.chdir(root)

function run(command, args) {
  const result = spawnSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'] })
  if (result.status !== 0) {
    console.error(`cowring: '${command} ${args.join(' ')}' failed; see its output above`)
    process.exit(result.status ?? 1)
  }
}

function newest(path) {
  if (!existsSync(path)) return 0
  const facts = statSync(path)
  if (!facts.isDirectory()) return facts.mtimeMs
  return Math.max(0, ...readdirSync(path).map((name) => newest(join(path, name))))
}

const installed = 'node_modules/.package-lock.json'
if (!existsSync(installed) || newest('package-lock.json') > newest(installed)) {
  run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'])
}

const stamp = 'dist/.tsbuildinfo'
const newestSource = Math.max(...['src', 'workers', 'bench', 'test', 'tsconfig.json', 'package-lock.json'].map(newest))
if (!existsSync(stamp) || newestSource > newest(stamp)) {
  run(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.json'])
}
