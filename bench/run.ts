// Training steps and forward passes beside the peers: all of it, or [--quick] in a minute; [--workloads mlp,cnn] [--contenders steepest,…]
// [--rounds 5] [--seconds 1] [--budget 500] [--fresh] [--report] [--prepare]. What was measured is kept and not measured again, so a run can be
// stopped and gone on with: after --budget seconds it stops by itself (exit code 3 while something is left). The comparison of losses, before
// the first round, takes up to 150 s for one contender, and a smaller budget never gets past it; a contender whose first losses are not
// ours is named (exit code 1). --fresh forgets the chosen parts, --prepare only installs and makes files. Without a choice of workloads
// or contenders it writes bench/results.json, docs/benchmarks.md, its chart and the figures of README.md; --report measures nothing and
// writes what is kept.
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { chart } from './support/chart.js'
import { contenders, root } from './support/contenders.js'
import { withFigures } from './support/readme.js'
import { disagreements, markdown, resultsOf } from './support/report.js'
import { folder, piecesOf, prepare, Sampler, warm } from './support/sampling.js'
import { Store } from './support/store.js'
import { workloads } from './support/workloads.js'

const quick = {
  workloads: 'mlp,small,cnn,mlp-infer-32,cnn-infer-32',
  contenders: 'steepest,steepest repeated,PyTorch tuned,ONNX Runtime best,plain JavaScript',
  rounds: '1',
  seconds: '0.3',
}
const { values } = parseArgs({
  options: {
    workloads: { type: 'string' },
    contenders: { type: 'string' },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    budget: { type: 'string' },
    quick: { type: 'boolean' },
    fresh: { type: 'boolean' },
    report: { type: 'boolean' },
    prepare: { type: 'boolean' },
  },
})
const options = { rounds: '5', seconds: '1', ...(values.quick ? quick : {}), ...values }

/** Those of `all` that are named; everything without names. */
function chosen<T extends { name: string }>(what: string, all: readonly T[], names: string | undefined): T[] {
  const wanted = names?.split(',')
  const unknown = wanted?.filter((name) => !all.some((item) => item.name === name)) ?? []
  if (unknown.length > 0)
    throw new Error(`no ${what} '${unknown.join("', '")}'; there are ${all.map(({ name }) => name).join(', ')}`)
  return all.filter(({ name }) => wanted?.includes(name) ?? true)
}

/** The page, the data, the chart and the figures of README.md, of everything in the store. */
function write(store: Store, seconds: number): void {
  const results = resultsOf(workloads, contenders(), store, seconds)
  writeFileSync(path.join(root, 'bench/results.json'), `${JSON.stringify({ ...results, samples: store.samples }, null, 1)}\n`)
  writeFileSync(path.join(root, 'docs/benchmarks.md'), markdown(results))
  writeFileSync(path.join(root, 'docs/benchmarks.svg'), chart(results))
  const readme = path.join(root, 'README.md')
  writeFileSync(readme, withFigures(readFileSync(readme, 'utf8'), results))
}

const field = chosen('contender', contenders(), options.contenders)
const tasks = chosen('workload', workloads, options.workloads)
const seconds = Number(options.seconds)
const writes = options.report || !(options.quick || options.prepare || values.workloads || values.contenders)
if (!options.report) prepare(tasks, field)
const store = new Store(path.join(folder, options.quick ? 'quick.jsonl' : 'samples.jsonl'))
if (options.fresh || options.quick) store.forget(new Set(tasks.map(({ name }) => name)), new Set(field.map(({ name }) => name)))

if (options.report && store.samples.length === 0) throw new Error('nothing was measured yet, so there is nothing to report')

let finished = true
if (!options.report && !options.prepare) {
  const sampler = new Sampler(store, seconds, options.budget ? Number(options.budget) * 1000 : Number.POSITIVE_INFINITY)
  const pieces = piecesOf(tasks, field, options.quick ? 1 : 0, Number(options.rounds))
  // Plain JavaScript alone would take longer than the rest.
  const short = pieces.filter(({ contender, workload }) => contender.name !== 'plain JavaScript' || workload.flops < 1e9)
  for (const piece of options.quick ? short : pieces) {
    finished = await sampler.run(piece)
    if (!finished) break
  }
}
if (options.prepare) warm(piecesOf(tasks, field, 1, 1))
else {
  const results = resultsOf(tasks, field, store, seconds)
  console.log(`\n${markdown(results)}`)
  if (writes) write(store, seconds)
  for (const line of disagreements(results)) {
    console.error(`NOT THE SAME MATHEMATICS: ${line}`)
    process.exitCode = 1
  }
}
if (!finished) process.exitCode = 3
