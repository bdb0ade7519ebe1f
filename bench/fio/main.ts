/**
 * `npm run bench:fio`: does `cowring load` measure what fio measures? The same job file, the same file or server, in turn.
 *
 * Says how far apart they are; exits 0 whatever that is.
 */
import { rmSync, writeFileSync } from 'node:fs'
import { Command } from 'commander'
import { CpuGauge } from '../grid/cpu-gauge.js'
import { median } from '../grid/latency-samples.js'
import { describeMachine, machineText } from '../grid/machine.js'
import { Workplace } from '../grid/workplace.js'
import { type Column, layOut, titleRow } from '../lay-out.js'
import { positive, regularExpression } from '../option-words.js'
import { isInstalled } from '../peers/programs.js'
import { Server } from '../peers/server.js'
import { type ComparedJob, comparedJobs, jobFile } from './job-list.js'
import { figuresOf, type ToolFigures, toolNames } from './tool-figures.js'

interface Options {
  readonly rounds: number
  readonly seconds: number
  readonly case: RegExp | undefined
  readonly tmpfs: string
  readonly disk: string
  readonly size: number
}

const mib = 2 ** 20
const diskDefault = new URL('../../../node_modules/.cache/', import.meta.url).pathname

const columns: readonly Column[] = [
  { title: 'job', width: 40, flush: 'left' },
  { title: 'fio /s', width: 9, flush: 'right' },
  { title: 'load /s', width: 9, flush: 'right' },
  { title: 'ratio', width: 5, flush: 'right' },
  { title: 'spread', width: 6, flush: 'right' },
  { title: 'p50 µs', width: 13, flush: 'right' },
  { title: 'p99 µs', width: 15, flush: 'right' },
  { title: 'others', width: 6, flush: 'right' },
]

const options = new Command('npm run bench:fio --')
  .description('Runs the same jobs with fio and with cowring load, in turn, and says how far their figures are apart.')
  .option('--rounds <count>', 'rounds of each job; medians are over them', positive, 5)
  .option('--seconds <number>', 'measured time of each', positive, 3)
  .option('--case <pattern>', 'only jobs whose name matches this regular expression', regularExpression)
  .option('--size <mebibytes>', 'size of the file', positive, 256)
  .option('--tmpfs <folder>', 'a folder in memory', '/dev/shm')
  .option('--disk <folder>', 'a folder on a real disk', diskDefault)
  .parse(process.argv)
  .opts<Options>()

if (!isInstalled('fio')) {
  process.stderr.write('bench:fio: fio is not installed; install the package fio\n')
  process.exit(1)
}
await main(options)

async function main({ case: pattern, disk, rounds, seconds, size, tmpfs }: Options): Promise<void> {
  using inMemory = new Workplace(tmpfs, size * mib)
  using onDisk = new Workplace(disk, size * mib)
  print(machineText(describeMachine(inMemory.folder, onDisk.folder)))
  print(`\n${titleRow(columns)}`)
  let apart = 0
  for (const job of comparedJobs.filter(({ name }) => pattern?.test(name) ?? true)) {
    if (job.medium === 'nbd' && !isInstalled('nbdkit')) {
      print(`${job.name}: nbdkit is not installed`)
      continue
    }
    const place = job.medium === 'disk' ? onDisk : inMemory
    const ratio = await compare(job, place, rounds, { seconds, warmUpSeconds: 0.5 })
    if (Math.abs(ratio - 1) > 0.15) apart++
  }
  print(`\n${apart} jobs are more than 15 % apart`)
}

/** Answers the median of the rounds' ratios. */
async function compare(
  job: ComparedJob,
  place: Workplace,
  rounds: number,
  times: { seconds: number; warmUpSeconds: number },
): Promise<number> {
  const file = place.path('compared.img')
  const jobPath = place.path('compared.fio')
  place.fill(file)
  const socket = place.path('nbd.sock')
  const server =
    job.medium === 'nbd' ? await Server.listen('nbdkit', ['-f', '-U', socket, 'file', file], socket) : undefined
  const target = server === undefined ? file : `nbd+unix:///?socket=${socket}`
  writeFileSync(jobPath, jobFile(job, target, place.originBytes, times))
  const figures: ToolFigures[][] = []
  const gauge = new CpuGauge()
  try {
    for (let round = 0; round < rounds; round++) {
      const inTurn = round % 2 === 0 ? toolNames : [...toolNames].reverse()
      const ofRound: ToolFigures[] = []
      for (const tool of inTurn) ofRound[toolNames.indexOf(tool)] = await figuresOf(tool, jobPath)
      figures.push(ofRound)
    }
  } finally {
    await server?.stop()
    rmSync(socket, { force: true })
  }
  return printRow(job, figures, gauge.othersShare())
}

function printRow({ name }: ComparedJob, rounds: readonly ToolFigures[][], othersShare: number): number {
  const of = (tool: number, figure: keyof ToolFigures): number =>
    median(rounds.map((round) => round[tool]?.[figure] ?? Number.NaN))
  const ratios = rounds.map(([fio, load]) => (load?.perSecond ?? Number.NaN) / (fio?.perSecond ?? Number.NaN))
  const ratio = median(ratios)
  const spread = (Math.max(...ratios) - Math.min(...ratios)) / ratio
  const both = (figure: keyof ToolFigures): string => `${of(0, figure).toFixed(2)} ${of(1, figure).toFixed(2)}`
  const count = (tool: number): string => Math.round(of(tool, 'perSecond')).toLocaleString('en-US')
  const cells = [
    name,
    count(0),
    count(1),
    ratio.toFixed(2),
    `${(spread * 100).toFixed(0)} %`,
    both('median'),
    both('of99'),
  ]
  print(layOut(columns, [...cells, `${(othersShare * 100).toFixed(0)} %`]))
  return ratio
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}
