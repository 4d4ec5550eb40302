// Faults that a sanitizer must report, each a program that is run as 'right' and as 'wrong': all that differs is the fault.
// Invariant: the right program ends well, so a report of the wrong one is of its fault and of nothing else.

export interface Seeded {
  readonly what: string
  readonly program: string
  readonly report: RegExp
}

const imports = `
import { call, kernelNamed } from './dist/dispatch.js'
import * as st from './dist/index.js'
const wrong = process.argv[2] === 'wrong'
`

/** Fills a temporary of 31 elements; wrongly with 32, of which the last lies in the gap between two slots of the arena. */
export const overrun: Seeded = {
  what: 'an element written past a slot',
  report: /AddressSanitizer[\s\S]*WRITE of size[\s\S]*fillRange/,
  program: `${imports}
const run = st.program((x) => {
  const temporary = x.mul(2)
  call(kernelNamed('fill'), false, [temporary], [], [wrong ? 32 : 31, 0, 7])
  return temporary.sum()
})
if (run.sync(st.ones([31])).item() !== 7 * 31) throw new Error('the wrong sum')
`,
}

/**
 * Looks from one temporary over into the slot of the next, 48 elements on: that one is 124 bytes, its gap included 192. While the other is
 * alive the sanitizer lets it pass, and the sums show that it is the right place; wrongly it looks after the other's last row.
 */
export const useAfterLastRow: Seeded = {
  what: 'a slot read after its last row',
  report: /AddressSanitizer: use-after-poison[\s\S]*READ of size 124[\s\S]*copyLine/,
  program: `${imports}
const run = st.program((x) => {
  const [near, far, seen] = [x.mul(2), x.mul(3), x.mul(4)]
  const look = () => call(kernelNamed('copy'), false, [seen], [near], [4, 1, 0, 48, 31, 1, 1])
  if (!wrong) look()
  const sum = far.sum()
  if (wrong) look()
  return [sum, seen.sum(), near.sum()]
})
const sums = run.sync(st.ones([31])).map((sum) => sum.item() / 31)
if (String(sums) !== '3,3,2') throw new Error('the wrong sums ' + sums)
`,
}

/** A copy in 64 chunks; wrongly all of them write the first element. */
export const raceOfPoolThreads: Seeded = {
  what: 'an element written by several threads of the pool',
  report: /ThreadSanitizer: data race[\s\S]*Write of size 4[\s\S]*copyLine[\s\S]*Previous write/,
  program: `${imports}
const [from, to] = [st.ones([2 ** 20]), st.zeros([2 ** 20])]
for (let i = 0; i < 20; i++) call(kernelNamed('copy'), false, [to], [from], [4, 1, 0, 0, 2 ** 20, wrong ? 0 : 1, 1])
if (to.dataSync()[0] !== 1) throw new Error('the wrong copy')
`,
}

/**
 * A worker thread reads weights of the main thread 300 times; wrongly that writes them meanwhile. Every other element, since kernels copy
 * whole lines by memcpy, in which the sanitizer does not look on threads that Node has started.
 */
export const raceOfJavaScriptThreads: Seeded = {
  what: 'weights that one thread of JavaScript writes while another reads them',
  report: /ThreadSanitizer: data race[\s\S]*copyLine[\s\S]*Previous [\s\S]*copyLine/,
  program: `${imports}
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
const everyOther = [4, 1, 0, 0, 500, 2, 2]
const copy = (to, from) => call(kernelNamed('copy'), false, [to], [from], everyOther)
const turn = () => new Promise(setImmediate)
class Weights extends st.Module {
  kernel = st.variable(st.zeros([1000]))
}
const weights = new Weights()
if (isMainThread) {
  let [opened, over] = [false, false]
  const worker = new Worker(new URL(import.meta.url), { workerData: weights.share(), argv: process.argv.slice(2) })
  worker.once('message', () => { opened = true })
  worker.once('exit', () => { over = true })
  const ones = st.ones([1000])
  for (; !over; await turn()) if (opened && wrong) copy(weights.kernel, ones)
  if (!opened) throw new Error('the worker has not opened the weights')
} else {
  weights.useShared(workerData)
  parentPort.postMessage('opened')
  const own = st.zeros([1000])
  for (let i = 0; i < 300; i++, await turn()) copy(own, weights.kernel)
}
`,
}
