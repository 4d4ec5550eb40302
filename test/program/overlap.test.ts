// Runs that overlap, fail or are given up: whose memory they use, and what those behind them are told.
import { setTimeout as wait } from 'node:timers/promises'
import { describe, expect, it, vi } from 'vitest'
import * as st from '../../lib/index.js'

/** Takes a while for a matrix of some hundred rows. */
const chain = (x: st.Tensor): st.Tensor => {
  let y = x
  for (let i = 0; i < 10; i++) y = y.matMul(x).mul(0.01).tanh()
  return y.add(0)
}

/** Two rows of scores of three classes, whose second label may be out of range. */
function accumulation(): { w: st.Variable; accumulate: st.Program<[st.Tensor, st.Tensor], st.Tensor>; x: st.Tensor } {
  const w = st.variable([
    [1, 2, 3],
    [4, 5, 6],
  ])
  const accumulate = st.program((x: st.Tensor, y: st.Tensor) => {
    const loss = st.losses.sparseCategoricalCrossentropy(y, x.matMul(w), { fromLogits: true })
    loss.backward()
    return loss
  })
  return { w, accumulate, x: st.ones([2, 2]) }
}
const labels = (second: number): st.Tensor => st.tensor([0, second], [2], 'int32')

describe('memory of a run', () => {
  it('that was refused for its size leaves the program as it was', async () => {
    const run = st.program((a: st.Tensor, b: st.Tensor) =>
      a
        .matMul(b)
        .mul(2)
        .matMul(b.reshape([-1, 1]))
        .sum(),
    )
    const small = [st.ones([50, 1]), st.ones([1, 50])] as const
    const before = run.sync(...small).item()
    // A product of 10¹³ bytes.
    const large = [st.ones([1_600_000, 1]), st.ones([1, 1_600_000])] as const
    await expect(run.prepare(...large)).rejects.toThrow(/bytes could not be allocated/)
    await expect(run.prepare(...large)).rejects.toBeInstanceOf(st.ValueError)
    const others = Array.from({ length: 50 }, () => st.variable(st.zeros([50, 50])))
    expect(run.sync(...small).item()).toBe(before)
    expect(others.filter((other) => other.sum().item() !== 0)).toEqual([])
  })

  it('begun in a scope is its own until the run ends', async () => {
    const slow = st.random.normal([200, 200])
    const run = st.program((x: st.Tensor) => x.add(chain(slow).mean().mul(0)).add(6))
    await run(st.ones([100_000]))
    const x = st.ones([100_000])
    let running: Promise<st.Tensor> | undefined
    st.tidy(() => {
      running = run(x)
    })
    const others = Array.from({ length: 4 }, () => st.zeros([100_000]))
    const result = await running
    expect(others.map((other) => other.sum().item())).toEqual([0, 0, 0, 0])
    expect(() => result?.sum()).toThrow(/it was disposed \(by .* the end of tidy/)
  })

  it('is not used by a call here and now, also after the program has moved to a larger arena', async () => {
    const run = st.program(chain)
    const [a, larger] = [st.random.normal([128, 128]), st.random.normal([300, 300])]
    await run(a)
    const running = run.repeat(200, a)
    await run.prepare(larger)
    expect(() => run.sync(a)).toThrow(/is in flight; await it first/)
    await running
    expect(run.sync(a).shape).toEqual([128, 128])
  })

  it('that was refused while recording is let go of', () => {
    const net = st.layers.dropout({ rate: 0.5 })
    const constant = st.ones([16])
    const run = st.program((x: st.Tensor) => {
      const y = net.forward(x).add(constant)
      net.train(!net.training)
      return y
    })
    expect(() => run.sync(st.ones([16]))).toThrow(/changes a flag/)
    expect(constant.storage.held).toBe(false)
  })

  it('read by a run in flight can be read by others, not written', async () => {
    const w = st.variable(st.random.normal([300, 300]))
    const run = st.program((x: st.Tensor) => chain(w).matMul(x))
    const other = st.program((x: st.Tensor) => w.matMul(x))
    const x = st.ones([300, 1])
    await run(x)
    const running = run.repeat(20, x)
    expect(w.sum().shape).toEqual([])
    expect(other.sync(x).shape).toEqual([300, 1])
    expect(() => w.assign(st.zeros([300, 300]))).toThrow(/a program that is running uses it/)
    expect(() => st.program(() => void w.assign(w.mul(2))).sync()).toThrow(/is in flight/)
    await running
    w.assign(st.zeros([300, 300]))
  })
})

describe('runs behind one that fails', () => {
  it('are refused where they count on its gradients', async () => {
    const { w, accumulate, x } = accumulation()
    const optimizer = st.optimizers.sgd({ learningRate: 1 })
    const apply = st.program(() => void optimizer.step([w]))
    await accumulate(x, labels(1))
    await apply()
    const before = w.array()
    const [first, second] = await Promise.allSettled([accumulate(x, labels(9)), apply()])
    expect(first).toMatchObject({ status: 'rejected' })
    expect(second).toMatchObject({ reason: { message: expect.stringMatching(/an earlier call has failed/) } })
    expect(w.array()).toEqual(before)
    expect(w.grad).toBe(null)
  })

  it('are refused one after the other, and the gradients are those from before', async () => {
    const { w, accumulate, x } = accumulation()
    await accumulate(x, labels(1))
    const before = w.grad?.array()
    st.optimizers.sgd().zeroGrad([w])
    const runs = [accumulate(x, labels(9)), accumulate(x, labels(1)), accumulate(x, labels(1))]
    expect((await Promise.allSettled(runs)).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
    expect(w.grad).toBe(null)
    await accumulate(x, labels(1))
    expect(w.grad?.array()).toEqual(before)
  })

  it('run where they do not', async () => {
    const { accumulate, x } = accumulation()
    const other = st.program((a: st.Tensor) => a.mul(2))
    const [first, second] = await Promise.allSettled([accumulate(x, labels(9)), other(x)])
    expect([first.status, second.status]).toEqual(['rejected', 'fulfilled'])
  })

  it('end at once when their own signal is aborted', async () => {
    const controller = new AbortController()
    const long = st.program(chain).repeat(300, st.random.normal([200, 200]))
    let ended = false
    void long.then(() => {
      ended = true
    })
    const behind = st.program((x: st.Tensor) => x.mul(2), { signal: controller.signal })(st.ones([1]))
    await wait(5)
    controller.abort(new Error('enough'))
    await expect(behind).rejects.toThrow('enough')
    expect(ended).toBe(false)
    await long
  })
})

describe('arguments', () => {
  it('that gradients are to flow through are refused', () => {
    const square = st.program((x: st.Tensor) => x.mul(x))
    expect(() => st.grad((x) => square.sync(x).sum())(st.ones([2]))).toThrow(/gradients are to flow back through/)
    expect(square.sync(st.variable([3])).array()).toEqual([9])
    expect(st.noGrad(() => square.sync(st.variable([3]).mul(1))).array()).toEqual([9])
  })

  it('that would freeze tensors, or hold themselves, are refused', () => {
    const run = st.program((x: unknown) => (x instanceof Map ? (x.get('x') as st.Tensor).add(1) : st.ones([1])))
    expect(() => run.sync(new Map([['x', st.ones([1])]]))).toThrow(/tensors of a Map would be frozen/)
    const own: unknown[] = []
    own.push(own)
    expect(() => run.sync(own)).toThrow(/contains itself/)
    expect(() => st.program(() => own).sync()).toThrow(/contains itself/)
  })

  it('that differ at every call are warned of, once', async () => {
    const emitted = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    const scale = st.program((x: st.Tensor, by: number) => x.mul(by), { name: 'scale' })
    for (let i = 0; i < 100; i++) scale.sync(st.ones([1]), i)
    expect(emitted).toHaveBeenCalledTimes(1)
    expect(emitted.mock.calls[0]?.[0]).toMatch(/scale: each of its last 32 calls was recorded anew: argument 2 has another value/)
    const steady = st.program((x: st.Tensor, by: number) => x.mul(by))
    for (let i = 0; i < 100; i++) steady.sync(st.ones([1]), i % 16)
    expect(emitted).toHaveBeenCalledTimes(1)
    emitted.mockRestore()
  })
})
