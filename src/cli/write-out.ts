/** Standard output for long texts: waits until what was written before has gone, so that it does not pile up in memory. */
import { once } from 'node:events'

export async function writeOut(text: string | Uint8Array): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, 'drain')
}
