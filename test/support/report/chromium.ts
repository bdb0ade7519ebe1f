/** A headless Chromium, spoken to through two pipes in its own protocol: what a page looks like, and what is true in it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'

export interface Look {
  readonly width: number
  readonly height: number
  readonly scheme: 'light' | 'dark'
  readonly withoutScripts?: boolean
}

type Answer = Readonly<Record<string, unknown>>

interface Message {
  readonly id?: number
  readonly method?: string
  readonly params?: Answer
  readonly result?: Answer
  readonly error?: { readonly message: string }
}

export class Chromium {
  readonly #folder = mkdtempSync(join(tmpdir(), 'cowring-chromium-'))
  readonly #child: ChildProcess
  readonly #toChild: Writable
  readonly #waiting = new Map<number, { resolve: (answer: Answer) => void; reject: (error: Error) => void }>()
  readonly #events: Message[] = []
  #rest = ''
  #lastId = 0
  #session: string | undefined
  #wake: () => void = () => {}

  private constructor() {
    const words = ['--headless=new', '--no-sandbox', '--disable-gpu', '--hide-scrollbars', '--remote-debugging-pipe']
    const apart = [`--user-data-dir=${join(this.#folder, 'profile')}`, '--disable-background-networking', 'about:blank']
    this.#child = spawn('chromium', [...words, ...apart], { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] })
    this.#toChild = this.#child.stdio[3] as Writable
    const fromChild = this.#child.stdio[4] as Readable
    fromChild.setEncoding('utf8').on('data', (piece: string) => this.#take(piece))
    this.#toChild.on('error', () => {})
    this.#child.once('close', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('chromium ended'))
    })
  }

  static async start(): Promise<Chromium> {
    const chromium = new Chromium()
    const { targetInfos } = await chromium.#ask('Target.getTargets')
    const page = (targetInfos as readonly { type: string; targetId: string }[]).find(({ type }) => type === 'page')
    const { sessionId } = await chromium.#ask('Target.attachToTarget', { targetId: page?.targetId, flatten: true })
    chromium.#session = String(sessionId)
    for (const domain of ['Page', 'Runtime', 'Network', 'Log']) await chromium.#ask(`${domain}.enable`)
    return chromium
  }

  /** Opens a page that is a text; answers what it asked the network for, and what it complained about. */
  async open(name: string, text: string, { width, height, scheme, withoutScripts = false }: Look) {
    const file = join(this.#folder, name)
    writeFileSync(file, text)
    const size = { width, height, deviceScaleFactor: width < 600 ? 2 : 1, mobile: width < 600 }
    await this.#ask('Emulation.setDeviceMetricsOverride', size)
    await this.#ask('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: scheme }] })
    await this.#ask('Emulation.setScriptExecutionDisabled', { value: withoutScripts })
    this.#events.length = 0
    await this.#ask('Page.navigate', { url: `file://${file}` })
    await this.#event('Page.loadEventFired')
    const urls = this.#events
      .filter(({ method }) => method === 'Network.requestWillBeSent')
      .map(({ params }) => (params as { request: { url: string } }).request.url)
    const complaints = this.#events
      .filter(({ method }) => method === 'Log.entryAdded' || method === 'Runtime.exceptionThrown')
      .map(({ params }) => JSON.stringify(params))
    return { requested: urls.filter((url) => url !== `file://${file}`), complaints }
  }

  /** The value of an expression in the page, as JSON has it. Works where the page's own scripts are off, too. */
  async evaluate<Value>(expression: string): Promise<Value> {
    const { result, exceptionDetails } = await this.#ask('Runtime.evaluate', { expression, returnByValue: true })
    if (exceptionDetails !== undefined) throw new Error(`${expression}: ${JSON.stringify(exceptionDetails)}`)
    return (result as { value: Value }).value
  }

  /** A pointer at this place of the window. */
  async point(x: number, y: number): Promise<void> {
    await this.#ask('Input.dispatchMouseEvent', { type: 'mouseMoved', x, y })
  }

  /** The whole page as a PNG, or so much of it from there on. */
  async screenshot(part?: { readonly top: number; readonly width: number; readonly height: number }): Promise<Buffer> {
    const clip =
      part === undefined ? {} : { clip: { x: 0, y: part.top, width: part.width, height: part.height, scale: 1 } }
    const { data } = await this.#ask('Page.captureScreenshot', { captureBeyondViewport: true, format: 'png', ...clip })
    return Buffer.from(String(data), 'base64')
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('close', resolve))
    this.#child.kill('SIGKILL')
    await ended
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 })
  }

  #ask(method: string, params: object = {}): Promise<Answer> {
    const id = ++this.#lastId
    const session = this.#session === undefined ? {} : { sessionId: this.#session }
    this.#toChild.write(`${JSON.stringify({ id, method, params, ...session })}\0`)
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }))
  }

  async #event(name: string): Promise<void> {
    while (!this.#events.some(({ method }) => method === name)) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  #take(piece: string): void {
    const texts = (this.#rest + piece).split('\0')
    this.#rest = texts.pop() ?? ''
    for (const text of texts) {
      const message: Message = JSON.parse(text)
      const waiting = this.#waiting.get(message.id ?? 0)
      this.#waiting.delete(message.id ?? 0)
      if (message.error !== undefined) waiting?.reject(new Error(message.error.message))
      else if (message.id !== undefined) waiting?.resolve(message.result ?? {})
      else this.#events.push(message)
    }
    this.#wake()
  }
}
