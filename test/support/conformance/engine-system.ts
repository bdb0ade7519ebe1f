/**
 * The system under replay that is the engine: its mapper, and dmsetup over it. One worker, because recorded requests come
 * one after another, and the kernel gives the chunks of one request their places in ascending order.
 */
import { Engine } from 'cowring'
import { dmsetupOver } from './built-dmsetup.js'
import type { System } from './run.js'

export async function engineSystem(): Promise<System> {
  const engine = await Engine.start({ workers: 1 })
  return { layer: engine.mapper, dmsetup: dmsetupOver(engine.mapper), close: () => engine.close() }
}
