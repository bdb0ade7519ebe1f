/** Opens images under their export names, with the snapshots that they remember. */
import { basename } from 'node:path'
import { CowringError, type Engine } from '../../index.js'
import type { ServedImage } from '../../nbd/exports-of-images.js'

/** One image is open more than once only by mistake: the engine refuses it. Fails as `engine.open`. */
export async function openImages(
  engine: Engine,
  paths: readonly string[],
  names: readonly string[],
  readOnly: boolean,
): Promise<readonly ServedImage[]> {
  const exportNames = paths.map((path, index) => names[index] ?? basename(path))
  refuseTwins(exportNames)
  const images: ServedImage[] = []
  for (const [index, path] of paths.entries()) {
    const exportName = exportNames[index] ?? path
    images.push({ exportName, origin: await engine.open(path, { readOnly, name: exportName }) })
  }
  return images
}

function refuseTwins(names: readonly string[]): void {
  const twin = names.find((name, index) => names.indexOf(name) !== index)
  if (twin === undefined) return
  const text = `two images would be the export '${twin}'; name them with --export, once for each image in their order`
  throw new CowringError('INVALID_ARGUMENT', text)
}
