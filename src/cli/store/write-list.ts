/** Long output as it comes: lines by the thousand, since a write for each takes longer than making it. */
import { writeOut } from '../write-out.js'

const batchLength = 1000

export async function writeLines(lines: AsyncIterable<string> | Iterable<string>): Promise<void> {
  for await (const batch of batches(lines)) await writeOut(`${batch.join('\n')}\n`)
}

/**
 * One document, written as it is read: `{ NAME: [values, a line each] REST }`, where `rest` has what comes behind. Nothing is
 * written if there is a failure before the first value.
 */
export async function writeJsonList(
  name: string,
  values: AsyncIterable<string>,
  rest: () => Promise<Readonly<Record<string, unknown>>> = async () => ({}),
): Promise<void> {
  const head = `{\n  "${name}": [`
  let before = head
  for await (const batch of batches(values)) {
    await writeOut(`${before}\n    ${batch.join(',\n    ')}`)
    before = ','
  }
  const more = Object.entries(await rest()).map(([key, value]) => {
    return `,\n  "${key}": ${JSON.stringify(value, undefined, 2).replaceAll('\n', '\n  ')}`
  })
  await writeOut(`${before === head ? head : '\n  '}]${more.join('')}\n}\n`)
}

async function* batches(values: AsyncIterable<string> | Iterable<string>): AsyncGenerator<string[], void, undefined> {
  let batch: string[] = []
  for await (const value of values) {
    batch.push(value)
    if (batch.length < batchLength) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}
