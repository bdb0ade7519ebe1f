/** Runs of the load harness as a report: of several, first what they have in common, then each by itself. */
import type { Block, Fact, Plot, ReportDocument, Section, Table } from '../../report/document.js'
import { size, valueText } from '../../report/quantity.js'
import type { LoadResult } from '../result/load-result.js'
import { comparisonPlots, overlaidMax } from './comparison-plots.js'
import { distributionPlots } from './distribution-plots.js'
import { jobsTable } from './jobs-table.js'
import { type LabelledRun, labelledRuns, runName } from './labelled-run.js'
import { timelineTable } from './run-marks.js'
import { runsTable } from './runs-table.js'
import { snapshotCountPlots } from './snapshot-count-plots.js'
import { storeBlocks } from './store-plots.js'
import { summaryTable } from './summary-table.js'
import { latencyPlots, throughputPlots } from './time-plots.js'
import { verdictBlocks } from './verdict-blocks.js'

export function runDocument(results: readonly LoadResult[]): ReportDocument {
  const runs = labelledRuns(results)
  const [only] = runs.length === 1 ? runs : []
  const names = [...new Set(results.map(({ version, startedAt }) => `cowring ${version}, ${startedAt}`))]
  return {
    title: only === undefined ? `${results.length} runs compared` : only.result.title,
    subtitle: names.length > 1 ? `${names[0]} and later` : (names[0] ?? ''),
    facts: factsOf(results),
    sections: only === undefined ? comparison(runs) : sectionsOf(only),
  }
}

/** What is the same for all stands once; what differs stands side by side. */
function factsOf(results: readonly LoadResult[]): readonly Fact[] {
  const fact = (name: string, text: (result: LoadResult) => string): Fact => ({
    name,
    value: [...new Set(results.map(text))].join(' / '),
  })
  return [
    fact('Processor', ({ machine }) => `${machine.cpu}, ${machine.cores} core${machine.cores === 1 ? '' : 's'}`),
    fact('Memory', ({ machine }) => valueText(size, machine.memoryBytes)),
    fact('System', ({ machine }) => `${machine.kernel}, Node ${machine.node}`),
    fact('Duration', ({ elapsedSeconds }) => `${elapsedSeconds.toFixed(1)} s`),
    fact('Snapshots at the start', ({ snapshotsAtStart }) => String(snapshotsAtStart ?? 'none to be had')),
  ]
}

function comparison(runs: readonly LabelledRun[]): readonly Section[] {
  const counts = snapshotCountPlots(runs.map(({ result }) => result))
  const isCut = runs.length > overlaidMax
  return [
    { title: 'Runs', blocks: [table(runsTable(runs)), table(summaryTable(runs))] },
    ...(counts.length === 0 ? [] : [{ title: 'Number of snapshots', blocks: [plots(counts)] }]),
    {
      title: 'Comparison',
      blocks: [plots(comparisonPlots(runs)), ...(isCut ? [text(`Lines are of the first ${overlaidMax} runs.`)] : [])],
    },
    ...runs.map((run) => ({
      title: `Run ${runName(run)}`,
      isFolded: true,
      blocks: sectionsOf(run).flatMap(({ title, blocks }): readonly Block[] => [
        { kind: 'heading', text: title },
        ...blocks,
      ]),
    })),
  ]
}

function sectionsOf(run: LabelledRun): readonly Section[] {
  const { result } = run
  const sections: readonly Section[] = [
    {
      title: 'Summary',
      blocks: [
        ...failureBlocks(result),
        ...verdictBlocks(result.verification),
        table(summaryTable([run])),
        table(jobsTable(result)),
      ],
    },
    { title: 'Over time', blocks: [plots([...throughputPlots(result), ...latencyPlots(result)])] },
    { title: 'What happened', blocks: result.timeline.length === 0 ? [] : [table(timelineTable(result))] },
    { title: 'Latency', blocks: [plots(distributionPlots(result))] },
    { title: 'Stores', blocks: storeBlocks(result) },
  ]
  return sections.filter(({ blocks }) => blocks.length > 0)
}

const failureBlocks = ({ jobs }: LoadResult): readonly Block[] =>
  jobs.flatMap(({ name, failure }): readonly Block[] =>
    failure === undefined
      ? []
      : [{ kind: 'verdict', holds: false, text: `job ${name} ended before its time: ${failure}` }],
  )

const table = (made: Table): Block => ({ kind: 'table', table: made })
const plots = (made: readonly Plot[]): Block => ({ kind: 'plots', plots: made })
const text = (words: string): Block => ({ kind: 'text', text: words })
