/** A process: `faulty-server-main.js SOCKET BYTES FAULT`. Says `ready`, then what it does wrong, one JSON object a line. */
import { FaultyDisk } from './faulty-disk.js'
import { serveFaultyDisk } from './faulty-server.js'
import { parsePlantedFault } from './planted-fault.js'

const [socketPath = '', byteLength = '', fault = 'none'] = process.argv.slice(2)
const say = (text: string): void => void process.stdout.write(`${text}\n`)
const disk = new FaultyDisk(Number(byteLength), parsePlantedFault(fault), (report) => say(JSON.stringify(report)))
await serveFaultyDisk(disk, socketPath)
say('ready')
