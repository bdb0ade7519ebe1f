/** The recordings of the real kernel that live beside the tests: `NAME.jsonl.gz`, and the COW images they name. */

import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'

export const recordingsFolder = fileURLToPath(new URL('./recordings/', import.meta.url))

const suffix = '.jsonl.gz'

export const recordingNames: readonly string[] = readdirSync(recordingsFolder)
  .filter((file) => file.endsWith(suffix))
  .map((file) => file.slice(0, -suffix.length))
  .sort()

export const recordingPath = (name: string): string => `${recordingsFolder}${name}${suffix}`

export const imageBytes = (file: string): Uint8Array => gunzipSync(readFileSync(`${recordingsFolder}${file}`))
