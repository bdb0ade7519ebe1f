import { Engine } from 'cowring'
import { replayRecordings } from './replay-recordings.js'

replayRecordings('the engine', () => Engine.start({ workers: 1 }))
