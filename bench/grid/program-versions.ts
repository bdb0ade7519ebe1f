/** Which versions of other programs stand beside the engine. */
import { isInstalled, run } from '../peers/programs.js'

/** One line for each that is installed; `not installed` for the others. */
export async function programVersions(programs: readonly string[]): Promise<Record<string, string>> {
  const lines = programs.map(async (program) => {
    if (!isInstalled(program)) return [program, 'not installed'] as const
    return [program, firstLine(await run(program, ['--version']))] as const
  })
  return Object.fromEntries(await Promise.all(lines))
}

const firstLine = (text: string): string => text.split('\n', 1)[0] ?? ''
