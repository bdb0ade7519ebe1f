import { PlainEngine } from '../support/plain-engine.js'
import { replayRecordings } from './replay-recordings.js'

replayRecordings('the plain engine beside it', async () => new PlainEngine())
