/** The verbs `wait` and `message`. */
import { showIfVerbose } from './change-devices.js'
import type { Call } from './context.js'
import { firstDevice } from './devices.js'
import { DmsetupFailure, ioctl } from './failure.js'
import { printJson } from './print-json.js'

export async function waitForEvent(call: Call): Promise<void> {
  const { name, rest } = await firstDevice(call, 'waitevent')
  // As `info -c -o events` prints it, with blanks before it.
  const text = rest[0]?.trim()
  if (text !== undefined && !/^\d{1,10}$/.test(text)) throw new DmsetupFailure(`Invalid event number: ${text}.`)
  const eventNumber = await ioctl('waitevent', name, () => call.context.mapper.wait(name, Number(text ?? 0)))
  if (call.options.json === true) return printJson(call, { name, eventNumber })
  await showIfVerbose(call, name)
}

export async function sendMessage(call: Call): Promise<void> {
  const { name, rest } = await firstDevice(call, 'message')
  const [sector, ...words] = rest
  if (sector === undefined || !/^\d{1,15}$/.test(sector)) throw new DmsetupFailure('Invalid sector.')
  if (words.length === 0) throw new DmsetupFailure('No message supplied.')
  const answer = await ioctl('message', name, () => call.context.mapper.message(name, Number(sector), words.join(' ')))
  if (answer !== undefined && answer !== '') call.context.stdout(answer.endsWith('\n') ? answer : `${answer}\n`)
}
