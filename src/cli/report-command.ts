/** `cowring report`: results of the load harness as a page, one run or several side by side. */
import type { Command } from 'commander'
import { writeReport } from '../load/html/write-report.js'
import type { LoadResult } from '../load/result/load-result.js'
import { readResult } from '../load/result/read-result.js'
import { exampleText, exitCodes, type Finish } from './command-parts.js'

export function addReport(program: Command, finish: Finish): void {
  program
    .command('report')
    .description(
      'make a page of what load runs found out: plots, tables and verdicts in one file that needs no network. Several runs are compared with the first.',
    )
    .argument('<result...>', 'JSON files of load runs')
    .requiredOption('--html <file>', 'the page; one that is there is replaced')
    .addHelpText(
      'after',
      exampleText(
        'cowring report --html report.html run.json',
        'cowring report --html compared.html before.json after.json',
      ),
    )
    .action(async (paths: readonly string[], { html }: { readonly html: string }) => {
      const results: LoadResult[] = []
      for (const path of paths) results.push(await readResult(path))
      await writeReport(html, results)
      finish(exitCodes.done)
    })
}
