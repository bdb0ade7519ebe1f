/** Programs of the system that tests use where they are, and a folder of certificates. */
import { type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Also where e2fsprogs are that only root has in its path. */
const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin`, LC_ALL: 'C' }

export const hasTool = (name: string): boolean =>
  spawnSync('sh', ['-c', `command -v ${name}`], { env, stdio: 'ignore' }).status === 0

/** Whether none of them is missing; for a test's `skipIf(!…)`. */
export const hasTools = (...names: readonly string[]): boolean => names.every(hasTool)

export interface ToolOutcome {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** Runs a program to its end, with the server at work meanwhile. Killed when it takes too long. */
export function runTool(
  name: string,
  words: readonly string[],
  { cwd, seconds = 50 }: { cwd?: string; seconds?: number } = {},
): Promise<ToolOutcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(name, words, { env, cwd, stdio: ['ignore', 'pipe', 'pipe'] })
    let [out, err] = ['', '']
    const timer = setTimeout(() => {
      err += `\n${name} took more than ${seconds} s`
      child.kill('SIGKILL')
    }, seconds * 1000)
    child.stdout.on('data', (piece) => {
      out += piece
    })
    child.stderr.on('data', (piece) => {
      err += piece
    })
    child.once('error', reject)
    child.once('close', (code) => {
      clearTimeout(timer)
      resolve({ code: code ?? -1, out, err })
    })
  })
}

/** As `runTool`; fails if the program does. Answers what it printed. */
export async function mustRun(name: string, words: readonly string[], options = {}): Promise<string> {
  const { code, err, out } = await runTool(name, words, options)
  if (code !== 0) throw new Error(`${name} ${words.join(' ')} ended with ${code}:\n${out}${err}`)
  return out
}

function must(outcome: SpawnSyncReturns<string>, what: string): void {
  if (outcome.status !== 0) throw new Error(`${what}: ${outcome.stderr}`)
}

/** Makes a CA, a server's and a client's certificate under the names that qemu, nbdkit and libnbd look for. Needs openssl. */
export function makeCertificates(folder: string): void {
  const run = (...words: string[]): void =>
    must(spawnSync('openssl', words, { cwd: folder, encoding: 'utf8' }), 'openssl')
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  run('req', '-x509', ...key, '-keyout', 'ca-key.pem', '-out', 'ca-cert.pem', '-days', '2', '-subj', '/CN=tests')
  for (const [who, usage] of [
    ['server', 'serverAuth'],
    ['client', 'clientAuth'],
  ] as const) {
    const extensions = `basicConstraints=CA:FALSE\nkeyUsage=digitalSignature\nextendedKeyUsage=${usage}\nsubjectAltName=DNS:localhost,IP:127.0.0.1\n`
    writeFileSync(join(folder, `${who}.ext`), extensions)
    run('req', ...key, '-keyout', `${who}-key.pem`, '-out', `${who}.csr`, '-subj', `/CN=localhost`)
    const signer = ['-CA', 'ca-cert.pem', '-CAkey', 'ca-key.pem', '-CAcreateserial', '-days', '2']
    run('x509', '-req', '-in', `${who}.csr`, ...signer, '-extfile', `${who}.ext`, '-out', `${who}-cert.pem`)
  }
}
