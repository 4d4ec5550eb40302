// What goes wrong around recorded functions, one case each: the flags that change, the values that are read, the runs that overlap.
import { setTimeout as wait } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import * as st from '../../lib/index.js'
import { bits, classifier, Net, stepOf } from './problem.js'

describe('flags that a recording depends on', () => {
  it('eval after recording turns dropout off', () => {
    st.setSeed(1)
    const net = new Net()
    const forward = st.program((x: st.Tensor) => net.forward(x))
    const { x } = classifier()
    const dropped = forward.sync(x).array()
    net.eval()
    expect(forward.sync(x).array()).toEqual(net.forward(x).array())
    expect(forward.sync(x).array()).not.toEqual(dropped)
  })

  it('a layer frozen after recording is updated no more', () => {
    const { x, y } = classifier()
    const { net, step } = stepOf('sgd')
    const run = st.program(step)
    run.sync(x, y)
    net.hidden.trainable = false
    const [frozen, free] = [net.hidden.kernel.array(), net.output.kernel.array()]
    run.sync(x, y)
    expect(net.hidden.kernel.array()).toEqual(frozen)
    expect(net.output.kernel.array()).not.toEqual(free)
  })

  it('noGrad around the call records a program without gradients', () => {
    const w = st.variable([2])
    const run = st.program((x: st.Tensor) => x.mul(w))
    expect(run.sync(st.tensor([3])).array()).toEqual([6])
    expect(st.noGrad(() => run.sync(st.tensor([3]))).array()).toEqual([6])
  })

  it('a function that changes a flag it has read is refused', () => {
    const net = new Net()
    const run = st.program((x: st.Tensor) => {
      const y = net.forward(x)
      net.eval()
      return y
    })
    expect(() => run.sync(classifier().x)).toThrow(/changes a flag that it depends on/)
  })
})

describe('gradients', () => {
  it('add up over a program that accumulates, for one that applies', () => {
    const { x, y } = classifier()
    const eager = stepOf('sgd')
    const recorded = stepOf('sgd')
    const lossOf = (net: Net, a: st.Tensor, b: st.Tensor): st.Tensor =>
      st.losses.sparseCategoricalCrossentropy(b, net.forward(a), { fromLogits: true })
    const accumulate = st.program((a: st.Tensor, b: st.Tensor) => {
      lossOf(recorded.net, a, b).backward()
    })
    const apply = st.program(() => recorded.optimizer.step(recorded.net.parameters()))
    for (let i = 0; i < 3; i++) {
      for (const start of [0, 8, 16]) {
        const [a, b] = [x.slice(start, 8), y.slice(start, 8)]
        lossOf(eager.net, a, b).backward()
        accumulate.sync(a, b)
      }
      expect(recorded.net.output.kernel.grad?.array()).toEqual(eager.net.output.kernel.grad?.array())
      eager.optimizer.step(eager.net.parameters())
      apply.sync()
      expect(recorded.net.output.kernel.grad).toBeNull()
    }
    expect(bits(recorded.net)).toEqual(bits(eager.net))
  })

  it('that the eager loop left are taken over, and the other way round', () => {
    const w = st.variable([1, 2])
    w.sum().backward()
    const more = st.program(() => {
      w.mul(2).sum().backward()
    })
    more.sync()
    expect(w.grad?.array()).toEqual([3, 3])
    w.sum().backward()
    expect(w.grad?.array()).toEqual([4, 4])
    more.sync()
    expect(w.grad?.array()).toEqual([6, 6])
  })
})

describe('failures', () => {
  it('a throw while recording changes nothing, and the next call records', () => {
    const { x, y } = classifier()
    const { net, step } = stepOf('adam')
    let broken = true
    const run = st.program((a: st.Tensor, b: st.Tensor) => {
      const loss = step(a, b)
      if (broken) throw new Error('half way')
      return loss
    })
    const before = bits(net)
    expect(() => run.sync(x, y)).toThrow('half way')
    expect(bits(net)).toEqual(before)
    expect(net.output.kernel.grad).toBeNull()
    broken = false
    expect(run.sync(x, y).item()).toBeCloseTo(Math.log(2), 0)
  })

  it('a bad label leaves every variable as it was, random numbers too', async () => {
    const { x, y } = classifier()
    const { net, step } = stepOf('adam')
    const run = st.program(step)
    run.sync(x, y)
    const before = bits(net)
    const wrong = y.add(7)
    expect(() => run.sync(x, wrong)).toThrow(/sparseCategoricalCrossentropy: index \d at position 0 must be in \[0, 2\)/)
    await expect(run(x, wrong)).rejects.toThrow(st.ValueError)
    expect(bits(net)).toEqual(before)
    expect(net.output.kernel.grad).toBeNull()
    run.sync(x, y)
    expect(bits(net)).not.toEqual(before)
  })

  it('a bad label in the middle of many steps undoes its own step only, and the next run goes on', async () => {
    const { x, y } = classifier()
    const [plain, recorded] = [stepOf('adam'), stepOf('adam')]
    const rows = (i: number): [st.Tensor, st.Tensor] => [x.slice(4 * i, 4), y.slice(4 * i, 4)]
    const place = st.variable(st.zeros([1], 'int32'))
    const step = st.program((images: st.Tensor, labels: st.Tensor) => {
      const loss = recorded.step(st.gather(images, place).reshape([4, 6]), st.gather(labels, place).reshape([4]))
      place.assign(place.add(1))
      return loss
    })
    const labels = y.reshape([8, 4])
    const wrong = labels.add(st.tensor([0, 0, 0, 0, 0, 7, 0, 0]).cast('int32').reshape([8, 1]))
    const run = step.repeat(8, x.reshape([8, 4, 6]), wrong)
    await expect(run).rejects.toThrow(/index \d at position 0 must be in \[0, 2\)/)
    expect(place.array()).toEqual([5])
    for (let i = 0; i < 5; i++) plain.step(...rows(i))
    expect(bits(recorded.net)).toEqual(bits(plain.net))
    await step.repeat(3, x.reshape([8, 4, 6]), labels)
    for (let i = 5; i < 8; i++) plain.step(...rows(i))
    expect(bits(recorded.net)).toEqual(bits(plain.net))
  })

  it('values may not be read, in the function or after it', () => {
    let leaked: st.Tensor | undefined
    const leak = st.program((x: st.Tensor) => {
      leaked = x.add(1)
      return leaked
    })
    const v = st.variable([1])
    expect(() => st.program((x: st.Tensor) => x.add(x.sum().item())).sync(st.ones([2]))).toThrow(
      /has no value of its own; return it/,
    )
    expect(() => st.program(() => v.add(v.item())).sync()).toThrow(/may not be read while a program is recorded/)
    leak.sync(st.ones([2]))
    expect(() => leaked?.array()).toThrow(st.StateError)
    expect(() => st.program(() => leaked?.mul(2)).sync()).toThrow(/made while another program was recorded/)
  })

  it('asynchronous functions and strange results are refused', () => {
    expect(() => st.program(async () => 1)).toThrow(/fn must be synchronous/)
    expect(() => st.program(() => Promise.resolve(1)).sync()).toThrow(/must be synchronous/)
    expect(() => st.program(() => new Date()).sync()).toThrow(/must return tensors and plain values/)
    expect(() => st.program(3 as never)).toThrow(/argument 'fn' must be a function of tensors, got 3/)
    expect(() => st.program(() => 1).repeat(0)).toThrow(/argument 'count' must be a positive integer, got 0/)
  })
})

describe('programs among themselves', () => {
  it('a program called inside a recording becomes part of it', () => {
    const inner = st.program((x: st.Tensor) => x.mul(2), { name: 'inner' })
    const outer = st.program((x: st.Tensor) => inner.sync(x).add(1))
    expect(outer.sync(st.tensor([5])).array()).toEqual([11])
    expect(inner.toString()).toMatch(/not recorded yet/)
  })

  it('what a program inside another one does to variables, the outer one does at every call', () => {
    const v = st.variable([1])
    const inner = st.program(() => void v.assign(v.mul(2)))
    const outer = st.program(() => {
      inner.sync()
      inner.sync()
    })
    outer.sync()
    inner.sync()
    outer.sync()
    expect(v.array()).toEqual([32])
  })

  it('its awaited form inside a recording is refused', async () => {
    const inner = st.program((x: st.Tensor) => x)
    let promise: Promise<unknown> | undefined
    st.program((x: st.Tensor) => {
      promise = inner(x)
      return x
    }).sync(st.ones([1]))
    await expect(promise).rejects.toThrow(/use \.sync\(\)/)
  })

  it('two programs share a variable; awaited runs keep the order of the calls', async () => {
    const v = st.variable([1])
    const double = st.program(() => void v.assign(v.mul(2)))
    const increment = st.program(() => void v.assign(v.add(1)))
    await Promise.all([double(), increment(), double(), increment(), double()])
    expect(v.array()).toEqual([((1 * 2 + 1) * 2 + 1) * 2])
  })

  it('while a run is in flight its variables are busy, others are not', async () => {
    const v = st.variable(st.random.normal([400, 400]))
    const other = st.variable([1])
    const run = st.program(() => void v.assign(v.matMul(v).mul(0.01)))
    const running = run.repeat(20)
    expect(() => v.add(1)).toThrow(/a program that is running uses it; await the run first/)
    expect(() => run.sync()).toThrow(/in flight; await it first/)
    expect(other.add(1).array()).toEqual([2])
    await running
    expect(v.add(1).shape).toEqual([400, 400])
  })

  it('an abort ends the run between two repeats and everything that waits', async () => {
    const v = st.variable([0])
    const controller = new AbortController()
    const slow = st.random.normal([300, 300])
    const step = st.program(
      () => {
        v.assign(v.add(1))
        return slow.matMul(slow).sum()
      },
      { signal: controller.signal },
    )
    const runs = [step.repeat(1_000_000), step()]
    await wait(30)
    controller.abort(new Error('enough'))
    for (const ending of await Promise.allSettled(runs))
      expect(ending).toMatchObject({ status: 'rejected', reason: { message: 'enough' } })
    expect(v.item()).toBeGreaterThan(0)
    expect(v.item()).toBeLessThan(1_000_000)
    await expect(step()).rejects.toThrow('enough')
  })

  it('arguments disposed during a run stay until it ends', async () => {
    const run = st.program((x: st.Tensor) => x.matMul(x).sum())
    const x = st.ones([300, 300])
    const result = run(x)
    x.dispose()
    expect((await result).item()).toBe(300 ** 3)
    expect(() => run.sync(x)).toThrow(st.StateError)
  })

  it('a program disposed during a run lets it end, with what it captured', async () => {
    const captured = st.ones([300, 300])
    const run = st.program((x: st.Tensor) => x.matMul(captured).matMul(captured).sum())
    const result = run.repeat(20, st.ones([300, 300]))
    captured.dispose()
    run.dispose()
    const others = Array.from({ length: 20 }, () => st.zeros([300, 300]))
    expect((await result).item() / 300 ** 4).toBeCloseTo(1, 6) // 8.1e9 has more digits than float32
    expect(others[0]?.sum().item()).toBe(0)
  })

  it('a disposed program refuses, and what it captured is free again', () => {
    const captured = st.ones([4])
    const run = st.program((x: st.Tensor) => x.add(captured))
    run.sync(st.ones([4]))
    captured.dispose()
    expect(run.sync(st.ones([4])).array()).toEqual([2, 2, 2, 2])
    run.dispose()
    expect(() => run.sync(st.ones([4]))).toThrow(/was disposed/)
  })
})
