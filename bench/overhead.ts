// What one small operation costs from JavaScript: a kernel call alone, an elementwise operation on 16 floats, with and without recording
// gradients. Medians of many runs. Targets: below 0.5 µs without the output's allocation, below 1 µs with it.
import * as st from 'steepest'

const calls = 20_000
const runs = 41

/** Median nanoseconds of one call. */
function nanoseconds(call: () => void): number {
  for (let i = 0; i < calls; i++) call()
  const samples = Array.from({ length: runs }, () => {
    const start = performance.now()
    for (let i = 0; i < calls; i++) call()
    return ((performance.now() - start) / calls) * 1e6
  })
  return samples.sort((a, b) => a - b)[runs >> 1] as number
}

const [a, b] = [st.ones([16]), st.ones([16])]
const small = st.ones([4, 4])
const w = st.variable(st.ones([16]))
const target = st.variable(st.ones([16]), { trainable: false })

const rows: [what: string, call: () => void][] = [
  ['variable.assign: encode and run one row, nothing allocated', () => target.assign(a)],
  ['a.add(b), 16 floats, output allocated', () => a.add(b)],
  ['a.add(b), gradient recorded', () => w.add(b)],
  ['a.matMul(b), [4, 4] by [4, 4]', () => small.matMul(small)],
]
for (const [what, call] of rows) console.log(`${nanoseconds(call).toFixed(0).padStart(6)} ns  ${what}`)
