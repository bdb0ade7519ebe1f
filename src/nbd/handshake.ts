/**
 * The handshake: fixed newstyle, from the greeting to the option that enters transmission, on any Duplex.
 *
 *   greeting → client flags → option, reply… → GO or EXPORT_NAME → transmission
 *                               └ STARTTLS: the stream becomes a TLS one, and everything negotiated is forgotten
 *
 * Guarantees: every option gets an answer and the next one is found behind it, whatever it holds; what cannot be answered ends the
 * connection. A client has `deadlineMs` for all of it, and its bytes, options and lengths have limits.
 */
import type { Duplex } from 'node:stream'
import type { ExportSource } from './exports.js'
import type { Agreement } from './handshake-agreement.js'
import { handshakeLimits } from './handshake-limits.js'
import { OptionHaggling } from './handshake-options.js'
import { HandshakeRefused } from './handshake-refused.js'
import { HandshakeEnded, HandshakeStream } from './handshake-stream.js'
import { handshakeFlag, initialMagic, optionMagic } from './protocol.js'

export interface HandshakeTerms {
  readonly source: ExportSource
  /** Whether there is TLS, and whether it is a must. */
  readonly tls?: { readonly isRequired: boolean; readonly upgrade: (stream: Duplex) => Promise<Duplex> }
  /** How long a client may take; 10 s by default. */
  readonly deadlineMs?: number
}

/** A client that enters transmission. The export is open and must be closed. */
export interface Negotiated extends Agreement {
  /** The one to go on with: the TLS stream, after STARTTLS. */
  readonly stream: Duplex
  /** What the client has sent already. */
  readonly leftover: Uint8Array
}

/**
 * Negotiates with a client until it enters transmission; `undefined` if it went away or said goodbye. The stream is then its
 * caller's to destroy, as it is when this fails. Fails with HandshakeRefused.
 */
export async function negotiate(stream: Duplex, terms: HandshakeTerms): Promise<Negotiated | undefined> {
  let isLate = false
  const deadlineMs = terms.deadlineMs ?? handshakeLimits.deadlineMs
  const timer = setTimeout(() => {
    isLate = true
    stream.destroy()
  }, deadlineMs)
  try {
    return await new Handshake(stream, terms).run()
  } catch (error) {
    if (isLate) throw new HandshakeRefused(`the handshake took more than ${deadlineMs / 1000} seconds`)
    if (error instanceof HandshakeEnded) return undefined
    throw error
  } finally {
    clearTimeout(timer)
  }
}

class Handshake {
  readonly #terms: HandshakeTerms
  #stream: Duplex
  #bytes: HandshakeStream
  #isNoZeroes = false
  #isFixed = false

  constructor(stream: Duplex, terms: HandshakeTerms) {
    this.#stream = stream
    this.#bytes = new HandshakeStream(stream)
    this.#terms = terms
  }

  async run(): Promise<Negotiated | undefined> {
    await this.#greet()
    let haggling = this.#newHaggling(false)
    for (let count = 0; count < handshakeLimits.optionsMax; count++) {
      const step = await haggling.next()
      if (step === 'over') return undefined
      if (step === 'starttls') {
        await this.#upgrade()
        haggling = this.#newHaggling(true)
      } else if (step !== 'more') {
        return { ...step, stream: this.#stream, leftover: this.#bytes.release() }
      }
    }
    throw new HandshakeRefused(`more than ${handshakeLimits.optionsMax} options`)
  }

  async #greet(): Promise<void> {
    const greeting = Buffer.alloc(18)
    greeting.writeBigUInt64BE(initialMagic, 0)
    greeting.writeBigUInt64BE(optionMagic, 8)
    greeting.writeUInt16BE(handshakeFlag.fixedNewstyle | handshakeFlag.noZeroes, 16)
    await this.#bytes.write(greeting)
    const flags = (await this.#bytes.read(4)).readUInt32BE()
    const known = handshakeFlag.fixedNewstyle | handshakeFlag.noZeroes
    if ((flags & ~known) !== 0) throw new HandshakeRefused(`client flags 0x${flags.toString(16)} are not known`)
    this.#isNoZeroes = (flags & handshakeFlag.noZeroes) !== 0
    this.#isFixed = (flags & handshakeFlag.fixedNewstyle) !== 0
  }

  #newHaggling(isSecure: boolean): OptionHaggling {
    const { source, tls } = this.#terms
    return new OptionHaggling({
      bytes: this.#bytes,
      source,
      isNoZeroes: this.#isNoZeroes,
      isFixed: this.#isFixed,
      tls: isSecure ? 'on' : tls === undefined ? 'none' : tls.isRequired ? 'required' : 'offered',
    })
  }

  /** What came before the reply was refused; what has come since is the beginning of TLS. */
  async #upgrade(): Promise<void> {
    const { tls } = this.#terms
    if (tls === undefined) throw new HandshakeRefused('there is no TLS')
    const begun = this.#bytes.release()
    if (begun.length > 0) this.#stream.unshift(begun)
    this.#stream = await tls.upgrade(this.#stream)
    this.#bytes = new HandshakeStream(this.#stream)
  }
}
