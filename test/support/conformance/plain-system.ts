/** The system under replay that is the plain layer, with the real dmsetup over it. */
import type { Mapper } from '../../../src/control/mapper.js'
import { PlainLayer } from '../plain/plain-layer.js'
import { dmsetupOver } from './built-dmsetup.js'
import type { System } from './run.js'

export async function plainSystem(): Promise<System> {
  const layer = new PlainLayer()
  const verbs: Pick<PlainLayer, keyof PlainLayer & keyof Omit<Mapper, 'open'>> = layer
  return { layer, dmsetup: dmsetupOver(verbs), close: () => layer.close() }
}
