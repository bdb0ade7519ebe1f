/** The end of a program that runs until it is told to stop. */
import { exitCodes } from '../command-parts.js'

/** Resolves with the first signal that asks for the end. Whoever asks twice does not want to wait for what still runs. */
export function endAsked(): Promise<void> {
  return new Promise((resolve) => {
    let isAsked = false
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
      process.on(signal, () => {
        if (isAsked) process.exit(exitCodes.failed)
        isAsked = true
        resolve()
      })
    }
  })
}
