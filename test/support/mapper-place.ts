/** A folder with files to lay tables over, and an engine for them; both gone at the end of a block. */
import { mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Engine, type EngineOptions, type Mapper, type MapperEvent } from 'cowring'

export class MapperPlace implements AsyncDisposable {
  readonly folder: string
  readonly engine: Engine
  /** Everything that happened to devices. */
  readonly events: MapperEvent[] = []

  static async start(options: EngineOptions = {}): Promise<MapperPlace> {
    const engine = await Engine.start({ workers: 2, arenaBytes: 2 ** 25, ...options })
    return new MapperPlace(engine)
  }

  private constructor(engine: Engine) {
    this.engine = engine
    this.folder = mkdtempSync(join(tmpdir(), 'cowring-mapper-'))
    engine.mapper.on('event', (event) => this.events.push(event))
  }

  get mapper(): Mapper {
    return this.engine.mapper
  }

  /** A sparse file, or one full of a byte. */
  file(name: string, sectors: number, fill = 0): string {
    const path = join(this.folder, name)
    writeFileSync(path, fill === 0 ? '' : new Uint8Array(sectors * 512).fill(fill))
    truncateSync(path, sectors * 512)
    return path
  }

  /** A file of these bytes. */
  fileOf(name: string, bytes: Uint8Array): string {
    const path = join(this.folder, name)
    writeFileSync(path, bytes)
    return path
  }

  sectorsOf(name: string): number {
    return statSync(join(this.folder, name)).size / 512
  }

  create(name: string, table: string): Promise<unknown> {
    return this.mapper.create(name, table, { folder: this.folder })
  }

  async write(name: string, sector: number, sectors: number, fill = 1): Promise<void> {
    await using volume = await this.mapper.open(name)
    await volume.write(sector * 512, new Uint8Array(sectors * 512).fill(fill))
  }

  async read(name: string, sector: number, sectors: number): Promise<Uint8Array> {
    await using volume = await this.mapper.open(name)
    return await volume.read(sector * 512, sectors * 512)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.engine.close()
    rmSync(this.folder, { recursive: true, force: true })
  }
}
