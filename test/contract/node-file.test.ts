import { NodeFile } from '../../src/io/node-file.js'
import { regularFileSubject } from '../support/contract-files.js'
import { blockFileContract } from './block-file-contract.js'

blockFileContract('NodeFile', (byteLength) => ({
  ...regularFileSubject(byteLength, (fd, arena) => new NodeFile(fd, arena, false)),
  tellsHoles: false,
}))
