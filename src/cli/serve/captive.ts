/** Captive mode: a command that lives inside of the server's life, as with nbdkit. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:os'

/** Signals that would end us end the command instead, and with it us. */
const passedOn = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const

/** Runs a shell command with these variables in its environment; its exit status, or 128 and the signal that ended it. */
export async function runCaptive(command: string, variables: Readonly<Record<string, string>>): Promise<number> {
  // Before there is a child: a signal in between would end us and leave it alone. Handlers run in a later turn, when there is one.
  const pass = (signal: NodeJS.Signals) => void child.kill(signal)
  for (const signal of passedOn) process.on(signal, pass)
  const child = spawn('/bin/sh', ['-c', command], { stdio: 'inherit', env: { ...process.env, ...variables } })
  try {
    const [code, signal]: [number | null, NodeJS.Signals | null] = (await once(child, 'exit')) as never
    return code ?? 128 + (signal === null ? 0 : constants.signals[signal])
  } finally {
    for (const signal of passedOn) process.off(signal, pass)
  }
}
