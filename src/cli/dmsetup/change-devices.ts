/** The verbs that make, change and remove devices. They print nothing, unless `-v` asks for information afterwards. */
import { isAbsolute } from 'node:path'
import type { CreateOptions, LoadOptions } from '../../index.js'
import type { Call } from './context.js'
import { firstDevice, isChosenByNumber, someDevices } from './devices.js'
import { DmsetupFailure, ioctl, query } from './failure.js'
import { infoParagraph } from './info-long.js'
import { tableOf } from './table-text.js'
import { targetLines } from './target-lines.js'

export async function create(call: Call): Promise<void> {
  const { options, context, words } = call
  if (options.concise === true) return createConcise(call)
  const [name, file] = words
  if (name === undefined) throw new DmsetupFailure('Please provide a name for the new device.')
  const table = options.notable === true ? undefined : await tableOf(call, file)
  const made: CreateOptions = {
    ...loadOptions(call),
    ...(options.uuid === undefined ? {} : { uuid: options.uuid }),
    ...(options.minor === undefined ? {} : { minor: options.minor }),
  }
  // A table without a line is none: the device is made as with --notable.
  const given = table === undefined || table === '' ? undefined : table
  await ioctl('create', name, () => context.mapper.create(name, given, made))
  await showIfVerbose(call, name)
}

async function createConcise(call: Call): Promise<void> {
  const { options, context, words } = call
  const others = [options.table, options.minor, options.uuid, options.notable, options.inactive]
  if (others.some((one) => one !== undefined)) {
    throw new DmsetupFailure('--concise is incompatible with --[no]table, --minor, --uuid and --inactive.')
  }
  if (words.length > 1) throw new DmsetupFailure('dmsetup create --concise takes at most one argument')
  const text = words[0] ?? (await context.stdin())
  await ioctl('create', '', () => context.mapper.createConcise(text, loadOptions(call)))
}

export async function load(call: Call): Promise<void> {
  if (call.options.notable === true) throw new DmsetupFailure('--notable only available when creating new device.')
  if (!isChosenByNumber(call) && call.words.length === 0) throw new DmsetupFailure('Please specify device.')
  if (isChosenByNumber(call) && call.words.length > 1) throw new DmsetupFailure('Too many command line arguments.')
  const { name, rest } = await firstDevice(call, 'reload')
  const table = await tableOf(call, rest[0])
  await ioctl('reload', name, () => call.context.mapper.load(name, table, loadOptions(call)))
  await showIfVerbose(call, name)
}

export async function clear(call: Call): Promise<void> {
  for (const name of await someDevices(call, 'clear')) {
    await ioctl('clear', name, () => call.context.mapper.clear(name))
    await showIfVerbose(call, name)
  }
}

export async function suspend(call: Call): Promise<void> {
  const noFlush = call.options.noflush === true
  for (const name of await someDevices(call, 'suspend')) {
    await ioctl('suspend', name, () => call.context.mapper.suspend(name, { noFlush }))
    await showIfVerbose(call, name)
  }
}

export async function resume(call: Call): Promise<void> {
  for (const name of await someDevices(call, 'resume')) {
    await ioctl('resume', name, () => call.context.mapper.resume(name))
    await showIfVerbose(call, name)
  }
}

export async function remove(call: Call): Promise<void> {
  const { options, context } = call
  const removal = {
    force: options.force === true,
    deferred: options.deferred === true,
    retry: options.retry === true,
  }
  for (const name of await someDevices(call, 'remove')) {
    await ioctl('remove', name, () => context.mapper.remove(name, removal))
  }
}

export async function removeAll(call: Call): Promise<void> {
  const { options, context } = call
  const removal = { force: options.force === true, deferred: options.deferred === true }
  await ioctl('remove_all', '', () => context.mapper.removeAll(removal))
}

/** Every request of the device fails from now on, and what it used is let go of. */
export async function wipeTable(call: Call): Promise<void> {
  const { mapper } = call.context
  for (const name of await someDevices(call, 'reload')) {
    const table = await ioctl('table', name, () => mapper.table(name))
    const sectors = targetLines(table).reduce((sum, { length }) => sum + length, 0)
    const noFlush = call.options.force === true || call.options.noflush === true
    await ioctl('reload', name, () => mapper.load(name, `0 ${sectors} error`))
    await ioctl('suspend', name, () => mapper.suspend(name, { noFlush }))
    await ioctl('resume', name, () => mapper.resume(name))
    await showIfVerbose(call, name)
  }
}

export async function rename(call: Call): Promise<void> {
  const { mapper } = call.context
  const { name, rest } = await firstDevice(call, 'rename')
  const [newWord] = rest
  if (newWord === undefined) throw new DmsetupFailure('No device specified.')
  await ioctl('rename', name, () =>
    call.options.setuuid === true ? mapper.setUuid(name, newWord) : mapper.rename(name, newWord),
  )
}

/** Prints the information of a device that has just been changed. */
export async function showIfVerbose(call: Call, name: string): Promise<void> {
  if (call.options.verbose !== true) return
  call.context.stdout(infoParagraph(await query('info', name, () => call.context.mapper.info(name))))
}

function loadOptions({ options, context }: Call): LoadOptions {
  if (!isAbsolute(context.folder)) throw new Error(`the folder of a call is an absolute path, not ${context.folder}`)
  return { folder: context.folder, ...(options.readonly === true ? { readOnly: true } : {}) }
}
