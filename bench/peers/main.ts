/**
 * `npm run bench:peers`: cowring serve beside other NBD servers, same clients, same image. README.md beside this says what
 * the numbers mean.
 *
 * Exit code 0 whether or not targets are reached; 1 if a server of ours failed to do what it was asked.
 */
import { appendFileSync, writeFileSync } from 'node:fs'
import { CpuGauge } from '../grid/cpu-gauge.js'
import { describeMachine, type Machine, machineText } from '../grid/machine.js'
import { Workplace } from '../grid/workplace.js'
import { type Figure, measureOnce } from './measure-once.js'
import { type PeerOptions, parsePeerOptions } from './options.js'
import { imageName, type Peer } from './peer.js'
import { type PeerCase, peerCaseName, peerCases } from './peer-case.js'
import { peers } from './peer-list.js'
import { caseBlock } from './peer-table.js'
import { isInstalled, killAll, run } from './programs.js'
import { countTargets, type PeerFigures, type Standing, standingsOf } from './standings.js'

await main(parsePeerOptions(process.argv))

async function main(options: PeerOptions): Promise<void> {
  const missing = ['fio', 'nbdcopy'].filter((client) => !isInstalled(client))
  if (missing.length > 0) {
    process.stderr.write(
      `bench:peers needs ${missing.join(' and ')}: install the package of that name (libnbd-bin has nbdcopy)\n`,
    )
    process.exitCode = 1
    return
  }
  using place = new Workplace(options.folder, options.imageBytes)
  removeWhenEnded(place)
  const machine = describeMachine(place.folder, place.folder)
  print(machineText(machine))
  print(await versionsText())
  const measured = choosePeers(options)
  place.fill(place.path(imageName))
  if (options.json !== undefined) writeFileSync(options.json, '')
  const standings: Standing[] = []
  for (const peerCase of peerCases()) {
    if (options.only?.test(peerCaseName(peerCase)) === false) continue
    standings.push(...(await runCase(peerCase, measured, place, options, machine)))
  }
  const { judged, reached } = countTargets(standings)
  print(`\n${reached} of ${judged} targets reached`)
  if (standings.some(({ failure, kind }) => kind === 'ours' && failure !== null)) process.exitCode = 1
}

function removeWhenEnded(place: Workplace): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      killAll()
      place[Symbol.dispose]()
      process.exit(130)
    })
  }
}

/** Those that can be measured here; the others are named, with what they lack. */
function choosePeers(options: PeerOptions): Peer[] {
  const { imageBytes, rounds, seconds, warmUpSeconds } = options
  const times = `${rounds} rounds of ${seconds} s after ${warmUpSeconds} s that are not counted`
  print(`\nServers, over an image of ${imageBytes / 2 ** 20} MiB without holes; ${times}:`)
  return peers(options).filter((peer) => {
    if (options.servers?.test(peer.name) === false) return false
    const missing = peer.missing()
    print(`  ${peer.name.padEnd(24)}${missing === undefined ? peer.settings : `SKIPPED: ${missing}`}`)
    return missing === undefined
  })
}

async function runCase(
  peerCase: PeerCase,
  all: readonly Peer[],
  place: Workplace,
  options: PeerOptions,
  machine: Machine,
): Promise<Standing[]> {
  const able = all.filter(({ copiedExport }) => peerCase.work !== 'copy' || copiedExport !== undefined)
  const gauge = new CpuGauge()
  const performances = await runRounds(peerCase, able, place, options)
  const othersShare = gauge.othersShare()
  const standings = standingsOf(peerCase, performances)
  const unit = peerCase.work === 'copy' ? 'MiB/s' : '/s'
  print(caseBlock(peerCaseName(peerCase), unit, othersShare, standings))
  if (options.json !== undefined) {
    for (const standing of standings) {
      const { chunkSectors, imageBytes, qemuAio, seconds, warmUpSeconds } = options
      const settings = { chunkSectors, imageBytes, qemuAio, seconds, warmUpSeconds }
      const record = { case: peerCaseName(peerCase), ...peerCase, unit, ...standing, othersShare, settings, machine }
      appendFileSync(options.json, `${JSON.stringify(record)}\n`)
    }
  }
  return standings
}

/** Every server once a round, in a round later the first of them last. One that failed is not tried again. */
async function runRounds(
  peerCase: PeerCase,
  all: readonly Peer[],
  place: Workplace,
  options: PeerOptions,
): Promise<PeerFigures[]> {
  const figures = new Map<Peer, Figure[]>(all.map((peer) => [peer, []]))
  const failures = new Map<Peer, string>()
  for (let round = 0; round < options.rounds; round++) {
    for (let turn = 0; turn < all.length; turn++) {
      const peer = all[(round + turn) % all.length]
      if (peer === undefined || failures.has(peer)) continue
      try {
        figures.get(peer)?.push(await measureOnce(peer, peerCase, place, options))
      } catch (error) {
        failures.set(peer, error instanceof Error ? error.message : String(error))
      }
    }
  }
  return all.map((peer) => {
    const failure = failures.get(peer)
    return { peer, figures: figures.get(peer) ?? [], ...(failure === undefined ? {} : { failure }) }
  })
}

async function versionsText(): Promise<string> {
  const programs = ['fio', 'nbdcopy', 'nbdkit', 'qemu-nbd', 'qemu-storage-daemon'].filter(isInstalled)
  const lines = await Promise.all(programs.map(async (program) => firstLine(await run(program, ['--version']))))
  return lines.join('; ')
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? ''
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}
