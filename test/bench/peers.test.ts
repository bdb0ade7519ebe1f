/** The peers' benchmark reads fio's reports rightly, compares rightly, and notices work that was not done. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Workplace } from '../../bench/grid/workplace.js'
import { addressLists } from '../../bench/peers/address-lists.js'
import { figuresOf } from '../../bench/peers/fio-report.js'
import { measureOnce } from '../../bench/peers/measure-once.js'
import { parsePeerOptions } from '../../bench/peers/options.js'
import { imageName, type Peer } from '../../bench/peers/peer.js'
import { type PeerCase, peerCaseName, peerCases, targetsOf } from '../../bench/peers/peer-case.js'
import { peers } from '../../bench/peers/peer-list.js'
import { caseBlock, comparisonText } from '../../bench/peers/peer-table.js'
import { isInstalled } from '../../bench/peers/programs.js'
import { countTargets, type PeerFigures, standingsOf } from '../../bench/peers/standings.js'

const mib = 2 ** 20

const emptyDirection = { io_bytes: 0, total_ios: 0, runtime: 0 }
const doneDirection = {
  io_bytes: 4096 * 500,
  total_ios: 500,
  runtime: 250,
  lat_ns: { percentile: { '50.000000': 12_500, '99.000000': 80_000 } },
}

/** As fio 3.33 prints it, with the lines of the nbd engine around it; all fields that nobody reads left out. */
function reportOf(change: object = {}): string {
  const job = { jobname: 'connection-0', error: 0, read: emptyDirection, write: doneDirection, ...change }
  const report = JSON.stringify({ 'fio version': 'fio-3.33', jobs: [job] }, null, 2)
  return `fio: connected to NBD server\n${report}\nfio: something else\n`
}

describe('a report of fio', () => {
  it('is found among other lines, and is in operations, seconds and microseconds', () => {
    expect(figuresOf(reportOf(), 'write', 4096)).toEqual({
      operations: 500,
      seconds: 0.25,
      latencyMicrosecondsMedian: 12.5,
      latencyMicrosecondsOf99: 80,
    })
  })

  it.each([
    ['an error', reportOf({ error: 5 }), 'error 5 in connection-0'],
    ['requests without an answer', reportOf({ write: { ...doneDirection, total_ios: 532 } }), 'began 532'],
    ['nothing done', reportOf({ write: emptyDirection }), 'has done nothing'],
    ['no report', 'fio: nbd_connect_uri: Connection refused\n', 'Connection refused'],
    ['several groups', '{\n"jobs": [{}, {}]\n}\n', 'reports 2 groups'],
  ])('is refused with %s', (_, output, message) => {
    expect(() => figuresOf(output, 'write', 4096)).toThrow(message)
  })
})

const figuresFor = (name: string, kind: Peer['kind'], speeds: readonly number[], failure?: string): PeerFigures => ({
  peer: { name, kind },
  figures: speeds.map((perSecond) => ({ perSecond })),
  ...(failure === undefined ? {} : { failure }),
})

const rewrite: PeerCase = { work: 'rewrite', depth: 32, connections: 1 }
const copy: PeerCase = { work: 'copy', depth: 64, connections: 1 }

describe('standings', () => {
  const all = [
    figuresFor('cowring origin', 'ours', [90, 120, 100]),
    figuresFor('nbdkit cow', 'rival', [40, 41, 39]),
    figuresFor('qcow2 overlay', 'rival', [60, 50, 40]),
    figuresFor('nbdkit file', 'ceiling', [80, 80, 80]),
  ]

  it('are medians, with the largest over the smallest as spread', () => {
    const [ours, cow] = standingsOf(rewrite, all)
    expect(ours).toMatchObject({ perSecond: 100, spread: 120 / 90, rounds: 3 })
    expect(cow).toMatchObject({ perSecond: 40, comparisons: [] })
  })

  it('compare ours with the best rival and with the ceiling', () => {
    expect(standingsOf(rewrite, all)[0]?.comparisons).toEqual([
      { with: 'qcow2 overlay', ratio: 2, target: 2, reached: true },
      { with: 'nbdkit file', ratio: 1.25, target: 1.5, reached: false },
    ])
    expect(countTargets(standingsOf(rewrite, all))).toEqual({ judged: 2, reached: 1 })
  })

  it('have the target of a copy against nbdkit cow, whoever is best', () => {
    expect(standingsOf(copy, all)[0]?.comparisons).toEqual([
      { with: 'qcow2 overlay', ratio: 2, target: null, reached: null },
      { with: 'nbdkit cow', ratio: 2.5, target: 1.5, reached: true },
      { with: 'nbdkit file', ratio: 1.25, target: null, reached: null },
    ])
    const withoutQcow2 = all.filter(({ peer }) => peer.name !== 'qcow2 overlay')
    expect(standingsOf(copy, withoutQcow2)[0]?.comparisons[0]).toMatchObject({ with: 'nbdkit cow', target: 1.5 })
  })

  it('leave out who failed, whatever else it did', () => {
    const failed = figuresFor('qcow2 overlay', 'rival', [1000], 'the server has ended')
    const standings = standingsOf(rewrite, [...all.filter(({ peer }) => peer.name !== 'qcow2 overlay'), failed])
    expect(standings.at(-1)).toMatchObject({ perSecond: null, spread: null, failure: 'the server has ended' })
    expect(standings[0]?.comparisons[0]).toMatchObject({ with: 'nbdkit cow', ratio: 2.5 })
  })

  it('have no verdict where there is nobody to compare with', () => {
    const standings = standingsOf(rewrite, all.slice(0, 1))
    expect(standings[0]?.comparisons).toEqual([])
    expect(countTargets(standings)).toEqual({ judged: 0, reached: 0 })
  })

  it('are a row each in the table', () => {
    const lines = caseBlock('rewrite', '/s', 0.2, standingsOf(rewrite, all)).split('\n')
    expect(lines[1]).toContain('others had 20 % of the machine: measure again')
    expect(lines[3]).toMatch(/^cowring origin +100 \/s +1\.33 .*2\.00 × qcow2 overlay \(≥ 2\.00 reached\)/)
    expect(lines).toHaveLength(3 + all.length)
  })

  it.each([
    [1.5, '1.50 × it (≥ 1.50 reached)', true],
    [1.4, '1.40 × it (≥ 1.50 MISSED)', false],
  ])('say of a ratio of %s: %s', (ratio, text, reached) => {
    expect(comparisonText({ with: 'it', ratio, target: 1.5, reached })).toBe(text)
  })
})

describe('the cases', () => {
  it('have a name and a target each', () => {
    const names = peerCases().map(peerCaseName)
    expect(new Set(names).size).toBe(names.length)
    for (const peerCase of peerCases()) expect(Object.keys(targetsOf(peerCase)).length).toBeGreaterThan(0)
  })
})

describe('a measurement', () => {
  let place: Workplace
  let parent: string
  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), 'cowring-peers-'))
    place = new Workplace(parent, 16 * mib)
  })
  afterEach(() => {
    place[Symbol.dispose]()
    rmSync(parent, { recursive: true, force: true })
  })

  it('has lists with every granule once', () => {
    const { paths, writesPerList } = addressLists(place, 65536, 4096, 2)
    const lines = paths.flatMap((path) => readFileSync(path, 'utf8').split('\n'))
    const writes = lines.filter((line) => line.startsWith('nbd write '))
    expect(writesPerList).toBe(128)
    expect(new Set(writes)).toEqual(
      new Set(Array.from({ length: 256 }, (_, granule) => `nbd write ${granule * 65536} 4096`)),
    )
    expect(writes).toHaveLength(256)
  })

  const times = { seconds: 0.05, warmUpSeconds: 0 }
  const choices = parsePeerOptions(['node', 'main'])
  const rivals = peers({ ...choices, qemuAio: 'threads' }).filter(({ kind }) => kind !== 'ours')
  const allWorks = ['read', 'first-write', 'rewrite', 'copy'] as const
  const clients = ['fio', 'nbdcopy'].every(isInstalled)

  for (const peer of rivals) {
    const reason = clients ? peer.missing() : 'fio or nbdcopy is not installed'
    // Each takes most of a second, so what is the same for all servers is asked of the first only.
    const works = peer === rivals[0] ? allWorks : (['first-write', 'copy'] as const)
    it.skipIf(reason !== undefined)(`of ${peer.name} does what it says and leaves nothing behind`, async () => {
      place.fill(place.path(imageName))
      for (const work of works) {
        const figure = await measureOnce(peer, { work, depth: 4, connections: 2 }, place, times)
        expect(figure.perSecond).toBeGreaterThan(0)
      }
      expect(readdirSync(place.folder).filter((name) => !name.endsWith('.log'))).toEqual([imageName])
    })
  }

  const [firstRival] = rivals
  it.skipIf(!clients || firstRival?.missing() !== undefined)(
    'is refused if the store has not taken what was written',
    async () => {
      if (firstRival === undefined) throw new Error('no rivals')
      place.fill(place.path(imageName))
      const once: PeerCase = { work: 'first-write', depth: 1, connections: 1 }
      const boasting: Peer = { ...firstRival, granuleBytes: 2 * firstRival.granuleBytes }
      await expect(measureOnce(boasting, once, place, times)).rejects.toThrow('first writes should have added')
    },
  )
})
