// Bad input to operations: one fault for every elementwise one, by the registry, and those that table-core.ts leaves out.
import * as st from '../../lib/index.js'
import { Formula } from '../../lib/ops/expression/formula.js'
import { registry } from '../../lib/ops/op.js'
import { type BadCall, wrong } from './bad-call.js'

const x = st.ones([2, 3])
const image = st.ones([1, 4, 4, 1])
const dot = st.ones([1, 1, 1, 1])

type Function = (...args: unknown[]) => unknown

/** The last argument of every elementwise operation as a string. */
const elementwise = [...registry.values()]
  .filter((op) => op instanceof Formula)
  .map((op): BadCall => {
    const arity = (op as Formula).arity
    const last = ['x', 'b', op.name === 'clip' ? 'high' : 'b'][arity - 1] as string
    const args = [...new Array<unknown>(arity - 1).fill(x), 'text']
    const call = (st as unknown as Record<string, Function>)[op.name] as Function
    return [op.name, last, 'a word', () => call(...args), st.ValueError, new RegExp(`'${last}' must be a number.*got 'text'`)]
  })

/** The last operand of every method of expressions that takes some. */
const methods = ['add', 'sub', 'mul', 'div', 'pow', 'maximum', 'minimum', 'less', 'logicalAnd', 'atan2'] as const
const expressions = methods.map(
  (name): BadCall => [
    `Expression.${name}`,
    'operand',
    'a word',
    () => st.pointwise('own', (a) => a[name](wrong('2'))),
    st.ValueError,
    /expression or a number.*'2'/,
    '\\w+',
  ],
)

export const opCalls: readonly BadCall[] = [
  ...elementwise,
  ...expressions,
  ['argMin', 'axis', 'a fraction', () => x.argMin(0.5), st.ShapeError, /integer in \[-2, 1\].*0\.5/],
  ['argMin', 'x', 'an empty axis', () => st.zeros([2, 0]).argMin(), st.ShapeError, /\[2, 0\].*empty/],
  ['min', 'x', 'no elements', () => st.zeros([0]).min(), st.ShapeError, /no elements.*\[0\]/],
  ['variance', 'axes', 'out of range', () => x.variance(4), st.ShapeError, /integer in \[-2, 1\].*4/],
  ['logSoftmax', 'axis', 'out of range', () => x.logSoftmax(-3), st.ShapeError, /integer in \[-2, 1\].*-3/],
  ['clone', 'x', 'an object', () => st.clone(wrong({ data: 1 })), st.ValueError, /'x' must be a number.*Object/],
  ['elu', 'alpha', 'NaN', () => x.elu(Number.NaN), st.ValueError, /a number.*NaN/],
  ['stack', 'tensors', 'shapes that differ', () => st.stack([x, st.ones([3])]), st.ShapeError, /one shape.*\[2, 3\] and \[3\]/],
  ['stack', 'axis', 'out of range', () => st.stack([x, x], 4), st.ShapeError, /integer in \[-3, 2\].*4/],
  [
    'concatenate',
    'tensors',
    'dtypes that differ',
    () => st.concatenate([x, st.ones([2, 3], 'int32')]),
    st.ValueError,
    /float32.*int32/,
  ],
  ['split', 'pieces', 'a word', () => x.split(wrong('2')), st.ShapeError, /array of sizes.*'2'/],
  ['matMul', 'b', 'a word', () => x.matMul(wrong('b')), st.ValueError, /'b' must be a number.*'b'/],
  ['conv2d', 'options', 'a number', () => x.conv2d(x, wrong(2)), st.ValueError, /object.*2/],
  [
    'conv2d',
    'options',
    "Keras's name of dilation",
    () => image.conv2d(dot, wrong({ dilationRate: 2 })),
    st.ValueError,
    /unknown option 'dilationRate'; it takes convAlgorithm, dilation, groups, padding, strides$/,
  ],
  [
    'conv2d',
    'dilation',
    'huge',
    () => image.conv2d(dot, { padding: 'same', dilation: 2 ** 53 - 1 }),
    st.ValueError,
    /'dilation'/,
  ],
  ['conv2d', 'padding', 'huge', () => image.conv2d(dot, { padding: 2 ** 52 }), st.ValueError, /'padding' .* below 2\^31/],
  ['conv2d', 'strides', 'huge', () => image.conv2d(dot, { strides: [1, 2 ** 31] }), st.ValueError, /'strides'/],
  ['maxPool2d', 'options', 'unknown', () => image.maxPool2d(2, wrong({ stride: 1 })), st.ValueError, /'stride'; .* strides/],
  ['averagePool2d', 'options', 'unknown', () => image.averagePool2d(2, wrong({ stride: 1 })), st.ValueError, /'stride'/],
  [
    'Tensor.backward',
    'options',
    'unknown',
    () => st.variable(1).backward(undefined, wrong({ keep: true })),
    st.ValueError,
    /'keep'/,
  ],
  [
    'gradcheck',
    'options',
    'unknown',
    () => st.gradcheck((a) => st.sum(a), [x], wrong({ eps: 1 })),
    st.ValueError,
    /'eps'; .* epsilon/,
  ],
  ['Variable', 'options', 'unknown', () => new st.Variable(x, wrong({ nam: 'w' })), st.ValueError, /'nam'/],
  ...Object.entries(st.losses).map(
    ([name, loss]): BadCall => [
      `losses.${name}`,
      'options',
      "Python's name of an option",
      () => loss([1], [1], wrong({ from_logits: true })),
      st.ValueError,
      /unknown option 'from_logits'; it takes .*sampleWeight/,
    ],
  ),
  ['maxPool2d', 'size', 'more than 256 elements', () => st.ones([1, 20, 20, 1]).maxPool2d(17), st.ValueError, /256.*17/],
  ['gather', 'axis', 'out of range', () => x.gather([0], 2), st.ShapeError, /integer in \[-2, 1\].*2/],
  ['oneHot', 'dtype', 'an unknown name', () => st.oneHot([0], 2, wrong('half')), st.DTypeError, /float32.*'half'/],
  [
    'affineSample',
    'x',
    'integers',
    () => st.affineSample(st.ones([1, 2, 2, 1], 'int32'), [[1, 0, 0, 0, 1, 0]]),
    st.DTypeError,
    /float32.*int32/,
  ],
  ['zeros', 'dtype', 'an unknown name', () => st.zeros([1], wrong('half')), st.DTypeError, /float32.*'half'/],
  ['ones', 'dtype', 'an unknown name', () => st.ones([1], wrong('half')), st.DTypeError, /float32.*'half'/],
  ['enableGrad', 'fn', 'no function', () => st.enableGrad(wrong(1)), st.ValueError, /a function.*1/],
  ['noGrad', 'fn', 'an async function', () => st.noGrad(async () => x), st.ValueError, /synchronous/],
  [
    'valueAndGrad',
    'fn',
    'a function of numbers',
    () => st.valueAndGrad(wrong(() => 3))([1]),
    st.ValueError,
    /returns a Tensor.*3/,
  ],
  ['new Tensor', 'storage', 'anything', () => new st.Tensor('float32', [1], wrong({})), st.ValueError, /st\.tensor\(\)/],
  ['new Variable', 'initial', 'an array', () => new st.Variable(wrong([1])), st.ValueError, /a Tensor.*\[1\]/],
  [
    'Tensor.grad',
    'value',
    'another shape',
    () => Object.assign(st.variable([1, 2]), { grad: st.ones([3]) }),
    st.ShapeError,
    /\[2\].*\[3\]/,
  ],
  [
    'Variable.trainable',
    'value',
    'an integer variable',
    () => Object.assign(st.variable(st.zeros([2], 'int32')), { trainable: true }),
    st.DTypeError,
    /float32.*int32/,
    'variable',
  ],
  [
    'Tensor.backward',
    'seed',
    'an array',
    () =>
      st
        .variable([1, 2])
        .mul(2)
        .backward(wrong([1, 1])),
    st.ValueError,
    /'seed'.*Tensor.*\[1, 1\]/,
  ],
  ['new Generator', 'seed', 'a fraction', () => new st.Generator(0.5), st.ValueError, /safe integer.*0\.5/],
  ['Generator.setSeed', 'seed', 'infinite', () => new st.Generator(1).setSeed(1 / 0), st.ValueError, /safe integer.*Infinity/],
  [
    'Generator.truncatedNormal',
    'mean',
    'a word',
    () => st.random.truncatedNormal([2], wrong('0')),
    st.ValueError,
    /finite number.*'0'/,
  ],
  ['program', 'fn', 'no function', () => st.program(wrong(1)), st.ValueError, /a function of tensors, got 1/],
  ['program', 'fn', 'an async function', () => st.program(async () => x), st.ValueError, /synchronous/],
  [
    'program',
    'options',
    'unknown',
    () => st.program(() => x, wrong({ sginal: 1 })),
    st.ValueError,
    /'sginal'; it takes name, signal/,
  ],
  ['program', 'name', 'empty', () => st.program(() => x, { name: '' }), st.ValueError, /non-empty string, got ''/],
  ['program', 'signal', 'an object', () => st.program(() => x, { signal: wrong({}) }), st.ValueError, /AbortSignal, got Object/],
]
