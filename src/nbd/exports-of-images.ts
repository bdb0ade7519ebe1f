/**
 * Exports of images and of their snapshots, as they come and go: a snapshot that is taken while clients are connected can be
 * opened by the next one.
 *
 * An only image is the default export too, and its snapshots have their own names; of several images they are IMAGE/SNAPSHOT.
 */
import { sectorsToBytes } from '../base/units.js'
import type { Origin, Snapshot } from '../index.js'
import type { ExportContext, ExportListing, ExportSource, NbdExport } from './exports.js'
import { commonContexts, dirtyContext, preferredBytesOf } from './exports-common.js'

export interface ServedImage {
  readonly exportName: string
  readonly origin: Origin
}

interface Offer extends ExportListing {
  readonly volume: Origin | Snapshot
  readonly image: Origin
}

export class ImageExports implements ExportSource {
  readonly #images: readonly ServedImage[]

  constructor(images: readonly ServedImage[]) {
    this.#images = images
  }

  list(): readonly ExportListing[] {
    return this.#offers().map(({ description, name }) => ({ name, description }))
  }

  async open(name: string): Promise<NbdExport | undefined> {
    const offers = this.#offers()
    const isDefault = name === '' && this.#images.length === 1
    const offer = isDefault ? offers[0] : offers.find((each) => each.name === name)
    return offer === undefined || offer.volume.closed ? undefined : exportOf(offer)
  }

  /** The name of a snapshot's export. */
  nameOf(exportName: string, snapshotName: string): string {
    return this.#images.length === 1 ? snapshotName : `${exportName}/${snapshotName}`
  }

  /** Each image with its snapshots behind it. */
  #offers(): readonly Offer[] {
    return this.#images.flatMap(({ exportName, origin }) => [
      { name: exportName, description: `image ${exportName}`, volume: origin, image: origin },
      ...origin.snapshots.map((snapshot) => ({
        name: this.nameOf(exportName, snapshot.name),
        description: `snapshot ${snapshot.name} of ${exportName}`,
        volume: snapshot,
        image: origin,
      })),
    ])
  }
}

function exportOf({ description, image, name, volume }: Offer): NbdExport {
  const measured = volume === image ? image.snapshots : image.snapshots.filter((each) => each === volume)
  return {
    name,
    description,
    sizeBytes: volume.sizeBytes,
    readOnly: volume.readOnly,
    preferredBytes: preferredBytesOf(measured.map(({ chunkSectors }) => sectorsToBytes(chunkSectors))),
    contexts: contextsOf(image, volume),
    device: volume.deviceNumber(),
    close: async () => {},
  }
}

function contextsOf(image: Origin, volume: Origin | Snapshot): ExportContext[] {
  const others = image.snapshots.filter((snapshot) => snapshot !== volume)
  return [...commonContexts, ...others.map((each) => dirtyContext(each.name, async () => each.deviceNumber()))]
}
