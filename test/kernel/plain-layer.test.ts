import { plainSystem } from '../support/conformance/plain-system.js'
import { replayRecordings } from './replay-recordings.js'

replayRecordings('the plain layer beside it', plainSystem)
