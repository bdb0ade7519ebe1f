/** The version in the package's manifest. */
import { createRequire } from 'node:module'

export function packageVersion(): string {
  // By the package's own name: it holds from the sources and from what is built of them.
  const manifest: unknown = createRequire(import.meta.url)('cowring/package.json')
  const found =
    typeof manifest === 'object' && manifest !== null && 'version' in manifest ? manifest.version : undefined
  return typeof found === 'string' ? found : 'of unknown version'
}
