import { LibcFile } from '../../src/io/libc-file.js'
import { NodeFile } from '../../src/io/node-file.js'
import { regularFileSubject } from '../support/contract-files.js'
import { flakeySubject, mapSubject, memorySubject, stripeSubject } from '../support/stacked-subjects.js'
import { blockFileContract } from './block-file-contract.js'

const onLibc = (byteLength: number) => regularFileSubject(byteLength, (fd, arena) => new LibcFile(fd, arena))
const onNode = (byteLength: number) => regularFileSubject(byteLength, (fd, arena) => new NodeFile(fd, arena, false))

blockFileContract('MapFile over memory', (byteLength) => mapSubject(byteLength, memorySubject))
blockFileContract('MapFile over a file, through libc', (byteLength) => mapSubject(byteLength, onLibc))
blockFileContract('MapFile over a file, through node:fs', (byteLength) => mapSubject(byteLength, onNode))
blockFileContract('MapFile over stripes', (byteLength) => mapSubject(byteLength, stripeSubject))
blockFileContract('StripeFile', stripeSubject)
blockFileContract('FlakeyFile that is up, over memory', (byteLength) => flakeySubject(byteLength, memorySubject))
blockFileContract('FlakeyFile that is up, over a file', (byteLength) => flakeySubject(byteLength, onLibc))
