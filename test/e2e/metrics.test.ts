/** Metrics over HTTP, from `cowring daemon` and `cowring serve` as processes. */
import { once } from 'node:events'
import { type IncomingHttpHeaders, request } from 'node:http'
import { createConnection, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type CowringProcess, DaemonUnderTest } from '../support/daemon-process.js'
import { PrometheusText } from '../support/prometheus-text.js'

let test: DaemonUnderTest
beforeEach(() => {
  test = new DaemonUnderTest()
})
afterEach(() => test.close())

interface Answer {
  readonly status: number | undefined
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

async function ask(url: string | URL, method = 'GET', body = ''): Promise<Answer> {
  const asked = request(url, { method, agent: false })
  asked.end(body)
  const [response] = await once(asked, 'response')
  let text = ''
  for await (const piece of response) text += piece
  return { status: response.statusCode, headers: response.headers, text }
}

async function urlOf(started: CowringProcess): Promise<string> {
  await started.printed('/metrics\n')
  const [url = ''] = /^http:\S+$/m.exec(started.out.toString()) ?? []
  return url
}

async function daemon(...words: readonly string[]): Promise<{ running: CowringProcess; url: string }> {
  const running = await test.daemon('--metrics', '127.0.0.1:0', ...words)
  return { running, url: await urlOf(running) }
}

const scrape = async (url: string) => new PrometheusText((await ask(url)).text)

describe('a daemon with --metrics', () => {
  it('prints where they are, and shows what commands have done', async () => {
    const { running, url } = await daemon()
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:[1-9]\d*\/metrics$/)
    expect(running.out.toString()).toBe(`cowring daemon listens on ${test.socket}\n${url}\n`)
    test.file('disk.img', 2048)
    test.file('snap.cow', 2048)
    expect(await test.dm(['create', 'real', '--table', '0 2048 linear disk.img 0'])).toMatchObject({ code: 0 })
    expect(await test.dm(['create', 'snap', '--table', '0 2048 snapshot real snap.cow P 8'])).toMatchObject({ code: 0 })
    expect(await test.dm(['create', 'disk', '--table', '0 2048 snapshot-origin real'])).toMatchObject({ code: 0 })
    const before = await scrape(url)
    expect(before.value('cowring_copied_chunks_total')).toBe(0)
    expect(await test.run(['io', 'write', 'disk', '0'], Buffer.alloc(16384, 'x'))).toMatchObject({ code: 0, err: '' })
    const after = await scrape(url)
    expect(after.value('cowring_copied_chunks_total')).toBe(4)
    expect(after.value('cowring_bytes_total', { operation: 'originWrite' })).toBe(16384)
    expect(after.value('cowring_store_exceptions', { device: 'snap', target: 'snapshot' })).toBe(4)
    expect(Object.keys(after.series('cowring_device_users'))).toEqual(['disk', 'real', 'snap'])
    expect(after.value('process_resident_memory_bytes')).toBeGreaterThan(1e6)
    expect(after.metrics.has('nodejs_eventloop_lag_p99_seconds')).toBe(true)
    running.child.kill('SIGTERM')
    expect(await running.ended).toMatchObject({ code: 0, err: '' })
    await expect(ask(url)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })

  it('answers GET and HEAD of one path, and says so to everything else', async () => {
    const { running, url } = await daemon()
    const got = await ask(`${url}?from=somebody`)
    expect(got).toMatchObject({ status: 200, headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' } })
    expect(got.headers['content-length']).toBe(String(Buffer.byteLength(got.text)))
    const head = await ask(url, 'HEAD')
    expect(head).toMatchObject({ status: 200, text: '' })
    expect(Number(head.headers['content-length'])).toBeGreaterThan(1000)
    const elsewhere = await ask(new URL('/', url))
    expect(elsewhere).toMatchObject({ status: 404, text: 'there is nothing here; the metrics are at /metrics\n' })
    const posted = await ask(url, 'POST', 'x'.repeat(100_000))
    expect(posted).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } })
    expect(running.err).toBe('')
  })

  it('looks once for a client that asks many times at once', async () => {
    const { hostname, port } = new URL((await daemon()).url)
    const socket = createConnection(Number(port), hostname)
    socket.end('GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(50))
    let answers = ''
    for await (const piece of socket) answers += piece
    expect(answers.match(/^HTTP\/1\.1 200 /gm)).toHaveLength(1)
  })

  it('is not ended by bytes that are no HTTP, nor held up at its end by clients that do not read or say nothing', async () => {
    const { running, url } = await daemon()
    const { hostname, port } = new URL(url)
    const connect = async (): Promise<Socket> => {
      const socket = createConnection(Number(port), hostname)
      socket.on('error', () => {})
      await once(socket, 'connect')
      return socket
    }
    const garbage = await connect()
    garbage.write('\0\xff no request\r\n\r\n')
    garbage.resume()
    await once(garbage, 'close')
    await connect()
    const slow = await connect()
    slow.pause()
    slow.write(`GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n`.repeat(200))
    const half = await connect()
    half.write('GET /metrics HTTP/1.1\r\n')
    expect((await scrape(url)).value('cowring_workers')).toBe(1)
    const from = Date.now()
    running.child.kill('SIGTERM')
    expect(await running.ended).toMatchObject({ code: 0, err: '' })
    expect(Date.now() - from).toBeLessThan(4000)
  })

  it('listens on this machine only, unless it is told otherwise', async () => {
    const refused = await test.run(['daemon', '--metrics', '0.0.0.0:9733'])
    expect(refused).toMatchObject({
      code: 1,
      err: 'cowring: 0.0.0.0 can be reached from other machines, and metrics are served without TLS or a password; give 127.0.0.1:9733, or say --metrics-insecure\n',
    })
    const running = await test.daemon('--metrics', '0.0.0.0:0', '--metrics-insecure')
    const { port } = new URL(await urlOf(running))
    expect((await scrape(`http://127.0.0.1:${port}/metrics`)).value('cowring_workers')).toBe(1)
  })

  it('listens on IPv6, where there is one', async (context) => {
    const running = test.start('daemon', '--workers', '1', '--metrics', '[::1]:0')
    await Promise.race([running.printed('/metrics\n'), running.ended])
    if (running.err.includes('EAFNOSUPPORT') || running.err.includes('EADDRNOTAVAIL')) context.skip('no IPv6 here')
    const url = await urlOf(running)
    expect(url).toMatch(/^http:\/\/\[::1\]:\d+\/metrics$/)
    expect((await scrape(url)).value('cowring_workers')).toBe(1)
  })

  it('does not start where somebody else listens, and leaves nothing behind', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as { port: number }
    const { code, err } = await test.run(['daemon', '--metrics', `127.0.0.1:${port}`])
    expect([code, err]).toEqual([
      1,
      expect.stringMatching(/^cowring: cannot listen on 127\.0\.0\.1, port \d+ .*--metrics\n$/),
    ])
    other.close()
    await daemon()
  })

  it.each([['9733'], ['127.0.0.1'], ['127.0.0.1:'], ['127.0.0.1:99999'], ['unix:/x'], ['::1:9733'], ['']])(
    "refuses '%s' as bad usage",
    async (address) => {
      const { code, err } = await test.run(['daemon', '--metrics', address])
      expect([code, err]).toEqual([2, expect.stringContaining('It must be HOST:PORT')])
    },
  )

  it('refuses --metrics-insecure without it', async () => {
    expect(await test.run(['daemon', '--metrics-insecure'])).toMatchObject({ code: 2 })
  })
})

it('serve has the same option', async () => {
  const image = test.file('disk.img', 2048)
  const socket = join(test.folder, 'nbd.sock')
  const words = [
    '--workers',
    '1',
    '--listen',
    `unix:${socket}`,
    '--metrics',
    'localhost:0',
    '--snapshot',
    'now=now.cow',
  ]
  const running = test.start('serve', ...words, image)
  const text = await scrape(await urlOf(running))
  expect(text.value('cowring_snapshot_valid', { device: 'now', target: 'snapshot' })).toBe(1)
  running.child.kill('SIGTERM')
  expect(await running.ended).toMatchObject({ code: 0, err: '' })
})
