/** Waiting for something to happen to a device. */
import type { MappedDevice } from './mapped-device.js'

/** Resolves with the event number when it differs, or at the next thing that happens. Rejects with the signal's reason. */
export function waitForEvent(device: MappedDevice, eventNumber: number, signal?: AbortSignal): Promise<number> {
  if (device.eventNumber !== eventNumber) return Promise.resolve(device.eventNumber)
  return new Promise((resolve, reject) => {
    const end = (): void => {
      device.waiters.delete(wake)
      signal?.removeEventListener('abort', abort)
    }
    const wake = (): void => {
      end()
      resolve(device.eventNumber)
    }
    const abort = (): void => {
      end()
      reject(signal?.reason)
    }
    if (signal?.aborted === true) return abort()
    device.waiters.add(wake)
    signal?.addEventListener('abort', abort)
  })
}
