/** An engine's metrics: the text is what Prometheus takes, and says what the engine says. */
import { spawnSync } from 'node:child_process'
import { Engine, type EngineStatistics } from 'cowring'
import { engineMetrics } from 'cowring/metrics'
import { Counter, collectDefaultMetrics, Registry } from 'prom-client'
import { expect, it } from 'vitest'
import { MapperPlace } from '../support/mapper-place.js'
import { hasTool } from '../support/nbd/tools.js'
import { PrometheusText } from '../support/prometheus-text.js'

const scrape = async (registry: Registry) => new PrometheusText(await registry.metrics())

const diskSectors = 2048
const chunkBytes = 4096

/** `disk` over a linear device, with a snapshot `snap` of it whose COW has so many sectors. */
async function placeWithSnapshot(cowSectors: number, store = 'P'): Promise<MapperPlace> {
  const place = await MapperPlace.start({ workers: 1 })
  place.file('disk.img', diskSectors)
  place.file('snap.cow', cowSectors)
  await place.create('disk-real', `0 ${diskSectors} linear disk.img 0`)
  await place.create('snap', `0 ${diskSectors} snapshot disk-real snap.cow ${store} 8`)
  await place.create('disk', `0 ${diskSectors} snapshot-origin disk-real`)
  return place
}

it('an idle engine has every metric of its own, at zero', async () => {
  await using engine = await Engine.start({ workers: 1 })
  const text = await scrape(engineMetrics(engine))
  expect(text.value('cowring_workers')).toBe(1)
  const rising = [...text.rising()]
  expect(rising.length).toBeGreaterThan(100)
  expect(rising.filter(([, value]) => value !== 0)).toEqual([])
})

it('counts what was done, as the statistics do', async () => {
  await using place = await placeWithSnapshot(2048)
  const registry = engineMetrics(place.engine)
  await place.write('disk', 0, 24)
  await place.write('disk', 0, 8, 2)
  await place.read('snap', 0, 16)
  await expect(place.read('disk', diskSectors, 8)).rejects.toMatchObject({ code: 'OUT_OF_RANGE' })
  const text = await scrape(registry)
  const { counters, operations }: EngineStatistics = place.engine.statistics()
  expect(text.value('cowring_requests_total', { operation: 'originWrite' })).toBe(2)
  expect(text.value('cowring_bytes_total', { operation: 'originWrite' })).toBe(4 * chunkBytes)
  expect(text.value('cowring_bytes_total', { operation: 'snapshotRead' })).toBe(2 * chunkBytes)
  expect(text.value('cowring_copied_chunks_total')).toBe(3)
  expect(text.value('cowring_copied_bytes_total')).toBe(3 * chunkBytes)
  expect(text.value('cowring_commits_total')).toBe(counters.commits)
  expect(text.value('cowring_barriers_total')).toBe(counters.barriers)
  expect(counters.barriers).toBeGreaterThan(0)
  for (const [operation, { bytes, count, errors, latency }] of Object.entries(operations)) {
    expect(text.value('cowring_requests_total', { operation }), operation).toBe(count)
    expect(text.value('cowring_bytes_total', { operation }), operation).toBe(bytes)
    expect(text.value('cowring_errors_total', { operation }), operation).toBe(errors)
    expect(text.value('cowring_request_duration_seconds_count', { operation })).toBe(latency.samples)
    const sum = text.value('cowring_request_duration_seconds_sum', { operation })
    expect(sum).toBeCloseTo((latency.meanMicroseconds * latency.samples) / 1e6, 9)
    for (const { belowMicroseconds, samples } of latency.cumulative) {
      const le = String(belowMicroseconds / 1e6)
      expect(text.value('cowring_request_duration_seconds_bucket', { operation, le }), le).toBe(samples)
    }
  }
})

it('counters and histograms never fall, scrape after scrape, while the engine is at work', async () => {
  await using place = await placeWithSnapshot(8192)
  const registry = engineMetrics(place.engine)
  await using disk = await place.mapper.open('disk')
  let isDone = false
  const load = (async () => {
    for (let at = 0; at < 60 * 8; at += 8) await disk.write(at * 512, new Uint8Array(chunkBytes).fill(1))
    isDone = true
  })()
  let before = new Map((await scrape(registry)).rising())
  while (!isDone) {
    // A scrape alone is all microtasks, and the load's answers would never be looked at.
    await new Promise((resolve) => setTimeout(resolve, 5))
    const now = new Map((await scrape(registry)).rising())
    expect([...now.keys()]).toEqual([...before.keys()])
    for (const [series, value] of now) expect(value, series).toBeGreaterThanOrEqual(before.get(series) ?? 0)
    before = now
  }
  await load
  expect((await scrape(registry)).value('cowring_copied_chunks_total')).toBe(60)
})

it('devices come and go, whatever their names, and what they do shows', async () => {
  await using place = await MapperPlace.start({ workers: 1 })
  const registry = engineMetrics(place.engine)
  const odd = 'a "b" \\n c\\'
  const devices = async () => (await scrape(registry)).series('cowring_device_suspended')
  expect(await devices()).toEqual({})
  await place.create(odd, '0 8 zero')
  await place.create('plain', '0 16 zero')
  expect(await devices()).toEqual({ [odd]: 0, plain: 0 })
  await place.mapper.suspend(odd)
  await place.mapper.rename('plain', 'renamed')
  const text = await scrape(registry)
  expect(text.series('cowring_device_suspended')).toEqual({ [odd]: 1, renamed: 0 })
  expect(text.series('cowring_device_size_bytes')).toEqual({ [odd]: 4096, renamed: 8192 })
  expect(text.series('cowring_device_events_total')).toEqual({ [odd]: 0, renamed: 1 })
  {
    await using _open = await place.mapper.open('renamed')
    expect((await scrape(registry)).series('cowring_device_users')).toEqual({ [odd]: 0, renamed: 1 })
  }
  await place.mapper.remove(odd)
  await place.mapper.remove('renamed')
  expect(await devices()).toEqual({})
})

it('no device can have a name that ends a line', async () => {
  await using place = await MapperPlace.start({ workers: 1 })
  await expect(place.create('a\nb', '0 8 zero')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
})

it("shows how full a snapshot's store is, as its status line does", async () => {
  await using place = await placeWithSnapshot(256)
  const registry = engineMetrics(place.engine)
  await place.write('disk', 0, 80)
  const text = await scrape(registry)
  const of = { device: 'snap', target: 'snapshot' }
  const sectors = ['allocated', 'size', 'metadata'].map(
    (what) => (text.value(`cowring_store_${what}_bytes`, of) ?? 0) / 512,
  )
  const [allocated = 0, size = 0, metadata] = sectors
  expect(place.mapper.status('snap')).toBe(`0 ${diskSectors} snapshot ${allocated}/${size} ${metadata}`)
  expect(text.value('cowring_store_exceptions', of)).toBe(10)
  expect(text.value('cowring_store_used_ratio', of)).toBeCloseTo(allocated / size, 3)
  expect(text.value('cowring_snapshot_valid', of)).toBe(1)
  expect(text.series('cowring_snapshot_state')).toEqual({
    'snap snapshot valid': 1,
    'snap snapshot overflow': 0,
    'snap snapshot invalid': 0,
    'snap snapshot merge-failed': 0,
    'snap snapshot merging': 0,
  })
})

it.each([
  ['P', 'invalid', 0],
  ['PO', 'overflow', 1],
] as const)('a full store %s shows as %s', async (store, state, valid) => {
  await using place = await placeWithSnapshot(64, store)
  const registry = engineMetrics(place.engine)
  for (let at = 0; at < 96; at += 8) await place.write(store === 'P' ? 'disk' : 'snap', at, 8).catch(() => {})
  const text = await scrape(registry)
  const of = { device: 'snap', target: 'snapshot' }
  expect(text.value('cowring_snapshot_valid', of)).toBe(valid)
  expect(text.value('cowring_snapshot_state', { ...of, state })).toBe(1)
  expect(text.value('cowring_snapshot_state', { ...of, state: 'valid' })).toBe(0)
  expect(text.value('cowring_store_used_ratio', of)).toBe(1)
  expect(text.value('cowring_invalidations_total')).toBe(1 - valid)
})

it('shows how far a merge is, while there is one', async () => {
  await using place = await placeWithSnapshot(4096)
  const registry = engineMetrics(place.engine)
  await place.write('disk', 0, 800)
  const merge = await place.mapper.merge('snap', { rateLimit: 1 })
  await merge.pause()
  const text = await scrape(registry)
  const { done, total } = merge.current
  expect(total).toBe(100 * chunkBytes)
  expect(text.value('cowring_merge_done_bytes', { device: 'disk' })).toBe(done)
  expect(text.value('cowring_merge_size_bytes', { device: 'disk' })).toBe(total)
  expect(text.value('cowring_merge_state', { device: 'disk', state: 'paused' })).toBe(1)
  expect(text.value('cowring_merge_state', { device: 'disk', state: 'running' })).toBe(0)
  expect(text.value('cowring_snapshot_state', { device: 'disk', target: 'snapshot-merge', state: 'merging' })).toBe(1)
  await place.mapper.merge('snap', { rateLimit: undefined })
  expect(await merge.finished).toBe('merged')
  const after = await scrape(registry)
  expect(after.value('cowring_merged_chunks_total')).toBe(100)
  expect(after.series('cowring_merge_state')).toEqual({})
  expect(after.series('cowring_snapshot_valid')).toEqual({})
})

it('shows the origins and snapshots of engine.open as well', async () => {
  await using engine = await Engine.start({ workers: 1 })
  const registry = engineMetrics(engine)
  const origin = await engine.open({ memory: 2 ** 20 }, { name: 'disk' })
  const snapshot = await origin.snapshot({
    cow: { memory: 2 ** 19 },
    name: 'now',
    chunkSectors: 8,
  })
  await origin.write(0, new Uint8Array(5 * chunkBytes))
  const text = await scrape(registry)
  const of = { device: snapshot.deviceName, target: 'snapshot' }
  expect(text.value('cowring_store_allocated_bytes', of)).toBe(snapshot.usage().allocatedSectors * 512)
  expect(text.value('cowring_store_exceptions', of)).toBe(5)
  await snapshot.remove()
  expect((await scrape(registry)).series('cowring_snapshot_valid')).toEqual({})
})

it('counts worker threads that have died', async () => {
  await using engine = await Engine.start({ workers: 2 })
  const registry = engineMetrics(engine)
  await engine.machinery.pool.threads[0]?.terminate()
  await expect.poll(async () => (await scrape(registry)).value('cowring_worker_deaths_total')).toBe(1)
})

it('can be scraped when the engine is closed: counters stay, devices are gone', async () => {
  const engine = await Engine.start({ workers: 1 })
  const registry = engineMetrics(engine)
  const origin = await engine.open({ memory: 2 ** 20 })
  await origin.write(0, new Uint8Array(4096))
  await engine.close()
  const text = await scrape(registry)
  expect(text.value('cowring_requests_total', { operation: 'originWrite' })).toBe(1)
  expect(text.series('cowring_device_size_bytes')).toEqual({})
})

it("goes into a program's own registry, once, and can be reset with it", async () => {
  await using engine = await Engine.start({ workers: 1 })
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const own = new Counter({ name: 'own_total', help: 'Of the program.', registers: [registry] })
  own.inc(3)
  expect(engineMetrics(engine, registry)).toBe(registry)
  expect(() => engineMetrics(engine, registry)).toThrow('already been registered')
  const text = await scrape(registry)
  expect(text.value('own_total')).toBe(3)
  expect(text.value('cowring_workers')).toBe(1)
  expect(text.value('process_resident_memory_bytes')).toBeGreaterThan(1e6)
  registry.resetMetrics()
  expect((await scrape(registry)).value('cowring_workers')).toBe(1)
  const merged = Registry.merge([new Registry(), registry])
  expect((await scrape(merged)).value('cowring_workers')).toBe(1)
})

it('speaks OpenMetrics, where the registry does', async () => {
  await using place = await MapperPlace.start({ workers: 1 })
  const registry = new Registry()
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE as never)
  engineMetrics(place.engine, registry)
  for (let scrapes = 0; scrapes < 2; scrapes++) {
    const text = await registry.metrics()
    expect(text).toContain('# TYPE cowring_commits counter\ncowring_commits_total 0\n')
    expect(text).not.toContain('_total_total')
    expect(text.endsWith('\n# EOF\n')).toBe(true)
  }
})

it.skipIf(!hasTool('promtool'))('promtool finds nothing wrong (needs promtool)', async () => {
  await using place = await placeWithSnapshot(4096)
  await place.create('a "b" \\n c\\', '0 8 zero')
  await place.write('disk', 0, 800)
  const merge = await place.mapper.merge('snap', { rateLimit: 1 })
  await merge.pause()
  const input = await engineMetrics(place.engine).metrics()
  const { status, stderr, stdout } = spawnSync('promtool', ['check', 'metrics'], { input, encoding: 'utf8' })
  expect([status, stdout, stderr]).toEqual([0, '', ''])
})
