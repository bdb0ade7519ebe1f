import { afterEach, expect, it, vi } from 'vitest'
import { LiveView } from '../../../../src/cli/load/live-view.js'
import type { LoadProgress, StoreProgress } from '../../../../src/load/result/load-progress.js'
import type { DirectionPoint, SeriesPoint } from '../../../../src/load/result/load-result.js'
import { sampleResult } from '../../../support/load/sample-result.js'
import { Screen } from '../../../support/load/screen.js'

const views: LiveView[] = []
function viewOn(stream: NodeJS.WriteStream): LiveView {
  const view = new LiveView(stream)
  views.push(view)
  return view
}

afterEach(() => {
  for (const view of views.splice(0)) view.stop()
  vi.useRealTimers()
})

const { timeline } = sampleResult()

const direction = (requests: number, p50: number, p99: number): DirectionPoint => ({
  requests,
  bytes: requests * 4096,
  p50Nanoseconds: p50,
  p99Nanoseconds: p99,
  maxNanoseconds: p99,
})

/** Half a second. */
const point: SeriesPoint = {
  atSeconds: 15,
  seconds: 0.5,
  isRamp: false,
  directions: {
    read: direction(21_530, 30_592, 154_624),
    write: direction(9_000, 110_080, 1_449_984),
    trim: direction(31, 999, 20_700_000),
    sync: { ...direction(2, 24_300_000, 78_300_000), bytes: 0 },
  },
}

const stores: readonly StoreProgress[] = [
  { snapshot: 'monday', percent: 12.3, state: 'active' },
  { snapshot: 'tuesday', percent: 56, state: 'merging', mergeDone: 0.25 },
  { snapshot: 'wednesday', percent: 100, state: 'invalid' },
]

const progress = (changes: Partial<LoadProgress> = {}): LoadProgress => ({
  phase: 'run',
  elapsedSeconds: 15,
  plannedSeconds: 60,
  doneShare: undefined,
  point,
  stores,
  marks: timeline,
  violations: 0,
  ...changes,
})

const fullOf = (snapshots: number): StoreProgress[] =>
  Array.from({ length: snapshots }, (_, index) => ({ snapshot: `s${index}`, percent: index, state: 'active' as const }))

it('shows how far it is, what it does, how full stores are and what happened', () => {
  const screen = new Screen(80, 24)
  viewOn(screen.stream).update(progress())
  expect(screen.text).toEqual([
    '   run     ██████████░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░  0:15 of 1:00',
    '   read     43,060 IOPS   168 MiB/s  p50  30.6 µs  p99   155 µs',
    '   write    18,000 IOPS  70.3 MiB/s  p50   110 µs  p99  1.45 ms',
    '   trim         62 IOPS   248 KiB/s  p50  1.00 µs  p99  20.7 ms',
    '   sync          4 IOPS              p50  24.3 ms  p99  78.3 ms',
    '   no violations',
    '   tuesday    ██████░░░░   56%  merging 25%',
    '   wednesday  ██████████  100%  invalid',
    '   monday     █░░░░░░░░░   12%',
    '   0:01  snapshot monday',
    '   0:02  snapshot tuesday',
  ])
})

it('draws in place: what changed is there, what went away is gone, what stood above stays', () => {
  const screen = new Screen(80, 24)
  screen.write('$ cowring load\n')
  const view = viewOn(screen.stream)
  view.update(progress())
  view.update(progress({ elapsedSeconds: 30, stores: [], marks: [] }))
  view.update(progress({ elapsedSeconds: 45, violations: 1, stores: stores.slice(0, 1), marks: [] }))
  expect(screen.text).toEqual([
    '$ cowring load',
    expect.stringContaining('0:45 of 1:00'),
    expect.stringContaining('read'),
    expect.stringContaining('write'),
    expect.stringContaining('trim'),
    expect.stringContaining('sync'),
    '   1 violation',
    '   monday  █░░░░░░░░░   12%',
  ])
})

it('keeps the line of a direction that does nothing for a while', () => {
  const screen = new Screen(80, 24)
  const view = viewOn(screen.stream)
  view.update(progress({ stores: [], marks: [] }))
  const idle = { requests: 0, bytes: 0, p50Nanoseconds: 0, p99Nanoseconds: 0, maxNanoseconds: 0 }
  view.update(progress({ stores: [], marks: [], point: { ...point, directions: { ...point.directions, read: idle } } }))
  expect(screen.text).toContain('   read          0 IOPS       0 B/s  p50        –  p99        –')
})

it.each([
  { columns: 80, rows: 24 },
  { columns: 40, rows: 24 },
  { columns: 20, rows: 10 },
  { columns: 3, rows: 2 },
])('neither wraps nor scrolls on $columns columns and $rows rows', ({ columns, rows }) => {
  const screen = new Screen(columns, rows)
  const view = viewOn(screen.stream)
  const long: StoreProgress = { snapshot: '快照'.repeat(30), percent: 99.9, state: 'merging', mergeDone: 0.999 }
  const mark = { atSeconds: 1e6, endSeconds: 1e6, text: 'snapshot '.repeat(30), failure: '快照'.repeat(30) }
  for (let elapsedSeconds = 1; elapsedSeconds < 50; elapsedSeconds++) {
    view.update(progress({ elapsedSeconds, stores: [long, ...fullOf(64)], marks: [mark, mark, mark] }))
  }
  expect(screen.tooWide).toEqual([])
  expect(screen.linesScrolledAway).toBe(0)
  expect(screen.text.length).toBeLessThan(rows)
})

it('follows when the terminal is made narrower and lower, and wider again', () => {
  const screen = new Screen(120, 30)
  const view = viewOn(screen.stream)
  view.update(progress())
  screen.columns = 40
  screen.rows = 20
  view.update(progress({ elapsedSeconds: 16 }))
  expect(screen.tooWide).toEqual([])
  expect(screen.text[0]).toBe('   run     ████░░░░░░░░░░  0:16 of 1:00')
  expect(screen.text[1]).toBe('   read     43,060 IOPS   168 MiB/s')
  screen.columns = 120
  view.update(progress({ elapsedSeconds: 17 }))
  expect(screen.text[1]).toContain('p99')
  expect(screen.text.length).toBe(11)
})

it('shows the fullest of 64 snapshots, those that are being merged first, and counts the rest', () => {
  const screen = new Screen(80, 24)
  const [first = stores[0], ...others] = fullOf(64)
  const merging = { ...first, state: 'merging', mergeDone: 0.5 } as StoreProgress
  viewOn(screen.stream).update(progress({ stores: [...others, merging], marks: [] }))
  expect(screen.text.slice(-6).map((line) => line.trim().split(' ')[0])).toEqual([
    's0',
    's63',
    's62',
    's61',
    's60',
    '…',
  ])
  expect(screen.text.at(-1)).toBe('   … and 59 more')
})

it('shows all six of six', () => {
  const screen = new Screen(80, 24)
  viewOn(screen.stream).update(progress({ stores: fullOf(6), marks: [] }))
  expect(screen.text.at(-1)).toContain('s0')
})

it('shows how far a phase is where there is no time to tell it by, and no bar where nothing can be told', () => {
  const screen = new Screen(80, 24)
  const view = viewOn(screen.stream)
  const layout = { phase: 'layout', plannedSeconds: undefined, point: undefined, stores: [], marks: [] } as const
  view.update(progress({ ...layout, violations: undefined, doneShare: 0.5 }))
  expect(screen.text).toEqual(['   layout  ████████████████████░░░░░░░░░░░░░░░░░░░░  0:15'])
  view.update(progress({ ...layout, violations: undefined }))
  expect(screen.text).toEqual(['   layout  0:15'])
})

it('hides the cursor while it draws, and leaves the terminal as it was', () => {
  const screen = new Screen(80, 24)
  screen.write('$ cowring load\n')
  const view = viewOn(screen.stream)
  const listeners = process.listenerCount('exit')
  view.update(progress())
  expect([screen.isCursorShown, screen.doesWrap]).toEqual([false, false])
  view.stop()
  view.stop()
  view.update(progress())
  expect([screen.isCursorShown, screen.doesWrap]).toEqual([true, true])
  expect(screen.text).toEqual(['$ cowring load'])
  expect(process.listenerCount('exit')).toBe(listeners)
})

it('brings the cursor back when the process exits without having stopped it', () => {
  const screen = new Screen(80, 24)
  const before = process.listeners('exit')
  viewOn(screen.stream).update(progress())
  const [takeAway] = process.listeners('exit').filter((listener) => !before.includes(listener))
  expect(takeAway).toBeDefined()
  takeAway?.(0)
  expect(screen.isCursorShown).toBe(true)
  expect(process.listeners('exit')).toEqual(before)
})

it('lets no name move the cursor or change the direction of writing', () => {
  const screen = new Screen(80, 24)
  const name = 'a\u001b[2Jb\nc\u202ed'
  const mark = { atSeconds: 0, endSeconds: 0, text: `snapshot ${name}` }
  viewOn(screen.stream).update(progress({ stores: [{ snapshot: name, percent: 1, state: 'active' }], marks: [mark] }))
  expect(screen.text.at(-1)).toBe('   0:00  snapshot a\ufffd[2Jb\ufffdc\ufffdd')
  expect(screen.text.at(-2)).toContain('a\ufffd[2Jb\ufffdc\ufffdd')
})

it('prints lines where there is no terminal: every second at first, then seldom, and every event', () => {
  vi.useFakeTimers({ toFake: ['performance'] })
  let printed = ''
  const pipe = { write: (text: string) => (printed += text) } as unknown as NodeJS.WriteStream
  const view = viewOn(pipe)
  for (let elapsedSeconds = 1; elapsedSeconds <= 40; elapsedSeconds++) {
    vi.advanceTimersByTime(1000)
    const marks = timeline.filter(({ atSeconds }) => atSeconds <= elapsedSeconds)
    view.update(progress({ elapsedSeconds, marks }))
  }
  view.stop()
  const rest =
    'of 1:00  run  read 43,060 IOPS 168 MiB/s p50 30.6 µs p99 155 µs  write 18,000 IOPS 70.3 MiB/s p50 110 µs p99 1.45 ms  ' +
    'trim 62 IOPS 248 KiB/s p50 1.00 µs p99 20.7 ms  sync 4 IOPS p50 24.3 ms p99 78.3 ms  ' +
    'tuesday 56% merging 25%, wednesday 100% invalid, monday 12%  no violations'
  expect(printed.split('\n')).toEqual([
    `   0:01 ${rest}`,
    '   0:01  snapshot monday',
    `   0:02 ${rest}`,
    '   0:02  snapshot tuesday',
    ...['0:03', '0:04', '0:05', '0:06', '0:07', '0:08', '0:09', '0:10', '0:20', '0:30', '0:40'].map(
      (time) => `   ${time} ${rest}`,
    ),
    '',
  ])
})

it('says how far a phase is in plain lines, too, where there is no time to tell it by', () => {
  vi.useFakeTimers({ toFake: ['performance'] })
  let printed = ''
  const view = viewOn({ write: (text: string) => (printed += text) } as unknown as NodeJS.WriteStream)
  const nothing = { point: undefined, stores: [], marks: [], violations: undefined, doneShare: 0.25 } as const
  vi.advanceTimersByTime(1000)
  view.update(progress({ ...nothing, phase: 'layout', elapsedSeconds: 1, plannedSeconds: undefined }))
  vi.advanceTimersByTime(1000)
  view.update(progress({ ...nothing, elapsedSeconds: 2 }))
  expect(printed).toBe('   0:01  layout 25%\n   0:02 of 1:00  run\n')
})

it('counts snapshots beyond three where there is no terminal', () => {
  vi.useFakeTimers({ toFake: ['performance'] })
  let printed = ''
  const pipe = { write: (text: string) => (printed += text) } as unknown as NodeJS.WriteStream
  const view = viewOn(pipe)
  vi.advanceTimersByTime(1000)
  view.update(progress({ stores: fullOf(64), marks: [], violations: 2 }))
  expect(printed).toContain('  s63 63%, s62 62%, s61 61%, and 61 more  2 violations\n')
})
