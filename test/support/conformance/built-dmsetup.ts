/**
 * The built dmsetup, run in this process. Built, because it tells errors by their class, which has to be the one of the
 * built engine that `cowring` names.
 */
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { Mapper } from '../../../src/control/mapper.js'
import type { Answer, RunDmsetup } from './layer.js'

type Run = typeof import('../../../src/cli/dmsetup/run.js')
type Link = typeof import('../../../src/cli/dmsetup/link.js')

const root = dirname(createRequire(import.meta.url).resolve('cowring/package.json'))
const { runDmsetup } = (await import(join(root, 'dist/src/cli/dmsetup/run.js'))) as Run
const { localLink } = (await import(join(root, 'dist/src/cli/dmsetup/link.js'))) as Link

/** dmsetup over a mapper; of its verbs only those that the command lines need have to be there. */
export function dmsetupOver(mapper: Partial<Mapper>, folder = root): RunDmsetup {
  const link = localLink(mapper as Mapper)
  return async (words): Promise<Answer> => {
    let out = ''
    let err = ''
    const rc = await runDmsetup(words, {
      mapper: link,
      stdout: (text) => {
        out += text
      },
      stderr: (text) => {
        err += text
      },
      stdin: async () => '',
      folder,
    })
    return { rc, out: linesOf(out), err: linesOf(err) }
  }
}

const linesOf = (text: string): readonly string[] => (text === '' ? [] : text.replace(/\n$/, '').split('\n'))
