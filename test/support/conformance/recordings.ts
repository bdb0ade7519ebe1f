/** The recordings in a folder: `NAME.jsonl.gz`. Folders inside it hold recordings of other kinds and are not looked into. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'

export interface RecordingFile {
  readonly name: string
  readonly path: string
}

const suffix = '.jsonl.gz'

export const recordingsIn = (folder: string): readonly RecordingFile[] =>
  readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(suffix))
    .map(({ name }) => ({ name: name.slice(0, -suffix.length), path: join(folder, name) }))
    .sort((one, other) => (one.name < other.name ? -1 : 1))
