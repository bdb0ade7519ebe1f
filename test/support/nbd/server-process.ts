/** NBD servers as programs of their own, each with a raw image: ours as it was built, and others where they are installed. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { createConnection } from 'node:net'
import { dirname, join } from 'node:path'
import { ImageFolder } from './images.js'

const root = dirname(createRequire(import.meta.url).resolve('cowring/package.json'))

export const serverKinds = ['cowring', 'nbdkit', 'qemu-nbd'] as const
export type ServerKind = (typeof serverKinds)[number]

export interface ServerProcess {
  readonly uri: string
  close(): Promise<void>
}

const lines = {
  cowring: (socket: string, image: string, isReadOnly: boolean) => [
    process.execPath,
    join(root, 'dist/src/cli/main.js'),
    'serve',
    '--listen',
    `unix:${socket}`,
    ...(isReadOnly ? ['--read-only'] : []),
    image,
  ],
  nbdkit: (socket: string, image: string, isReadOnly: boolean) => [
    'nbdkit',
    '-f',
    '-U',
    socket,
    ...(isReadOnly ? ['-r'] : []),
    'file',
    image,
  ],
  'qemu-nbd': (socket: string, image: string, isReadOnly: boolean) => [
    'qemu-nbd',
    '-f',
    'raw',
    '-t',
    '-k',
    socket,
    '--discard=unmap',
    ...(isReadOnly ? ['-r'] : []),
    image,
  ],
}

/** Serves an image of zeroes. */
export async function startServer(kind: ServerKind, byteLength: number, isReadOnly = false): Promise<ServerProcess> {
  const folder = new ImageFolder()
  const socket = folder.at('socket')
  const [program = '', ...words] = lines[kind](socket, folder.image('disk', byteLength, []), isReadOnly)
  const child = spawn(program, words, { stdio: 'ignore' })
  const close = async (): Promise<void> => {
    // nbdkit would wait for clients that a failed test has left.
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    folder.remove()
  }
  await untilItAnswers(child, socket)
  return { uri: `nbd+unix:///?socket=${socket}`, close }
}

async function untilItAnswers(child: ChildProcess, path: string): Promise<void> {
  for (const end = Date.now() + 15_000; ; await new Promise((resolve) => setTimeout(resolve, 20))) {
    const connection = createConnection(path)
    try {
      await once(connection, 'connect')
      return
    } catch (error) {
      if (Date.now() > end || child.exitCode !== null) throw error
    } finally {
      connection.destroy()
    }
  }
}
