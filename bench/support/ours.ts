// Contender: this library (--config sync | await | repeat | eager).
import { contend } from './measure.js'
import { runnerOf } from './steps.js'

await contend(runnerOf)
