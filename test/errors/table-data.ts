// Bad input to data and files: what is called, which argument is wrong and how. Functions that read files return promises.
import * as data from '../../lib/data/index.js'
import { DTypeError, ShapeError, StateError, ValueError } from '../../lib/errors.js'
import * as io from '../../lib/io/index.js'
import { ones, tensor } from '../../lib/tensor/creation.js'
import type { BadCall } from './bad-call.js'

const x = ones([4, 2])
const y = tensor(Int32Array.of(0, 1, 0, 1))
const wrong = (value: unknown): never => value as never
const bytes = (...values: number[]) => Uint8Array.from(values)
const detached = (): Uint8Array => {
  const array = new Uint8Array(16)
  structuredClone(array.buffer, { transfer: [array.buffer] })
  return array
}
const header = (json: string): Uint8Array => Buffer.concat([bytes(json.length, 0, 0, 0, 0, 0, 0, 0), Buffer.from(json)])
const npyHeader = (text: string): Uint8Array =>
  Buffer.concat([Buffer.from('\x93NUMPY\x01\x00', 'latin1'), bytes(text.length, 0), Buffer.from(text)])

export const dataCalls: readonly BadCall[] = [
  ['data.idx', 'source', 'no such file', () => data.idx('/no/such/file'), ValueError, /readable file.*\/no\/such\/file/],
  ['data.idx', 'source', 'a number', () => data.idx(wrong(3)), ValueError, /path.*got 3/],
  ['data.parseIdx', 'source', 'a detached array', () => data.parseIdx(detached()), ValueError, /at least 4 bytes, got 0/],
  ['data.parseIdx', 'source', 'an unknown element type', () => data.parseIdx(bytes(0, 0, 7, 0)), ValueError, /type code.*got 7/],
  [
    'data.parseIdx',
    'source',
    'truncated',
    () => data.parseIdx(bytes(0, 0, 8, 1, 0, 0, 0, 9, 1)),
    ValueError,
    /17 bytes, got 9.*truncated/,
  ],
  ['data.serializeIdx', 'values', 'an array', () => data.serializeIdx(wrong([1])), ValueError, /Tensor.*\[1\]/],
  ['data.mnist', 'dir', 'a folder without the files', () => data.mnist({ dir: '/' }), ValueError, /train-images/],
  ['data.mnist', 'options', 'an unknown option', () => data.mnist(wrong({ path: '/' })), ValueError, /'path'/],
  ['data.csv', 'source', 'no such file', () => data.csv('/no/such/file'), ValueError, /readable file/],
  ['data.parseCsv', 'text', 'a word in a column of numbers', () => data.parseCsv('a\nb'), ValueError, /line 2, column 'a'.*'b'/],
  ['data.parseCsv', 'label', 'an unknown column', () => data.parseCsv('a\n1', { label: 'b' }), ValueError, /columns a.*'b'/],
  [
    'data.parseCsv',
    'delimiter',
    'two characters',
    () => data.parseCsv('a', { delimiter: '::' }),
    ValueError,
    /one character.*'::'/,
  ],
  ['data.parseNpy', 'source', 'another file', () => data.parseNpy(bytes(1, 2, 3)), ValueError, /NUMPY.*3 bytes/],
  [
    'data.parseNpy',
    'source',
    'an array of objects',
    () => data.parseNpy(npyHeader("{'descr': '|O', 'fortran_order': False, 'shape': (), }")),
    DTypeError,
    /'\|O'/,
  ],
  [
    'data.npy',
    'dtype',
    'an unknown name',
    () => data.npy(npyHeader("{'descr': '<f4', 'fortran_order': False, 'shape': (0,), }"), wrong({ dtype: 'half' })),
    DTypeError,
    /half/,
  ],
  ['data.parseNpz', 'source', 'no archive', () => data.parseNpz(bytes(1, 2, 3)), ValueError, /ZIP archive.*3 bytes/],
  [
    'data.makeClassification',
    'nInformative',
    'too few for the classes',
    () => data.makeClassification({ nClasses: 9 }),
    ValueError,
    /2\^nInformative = 4, got 18/,
  ],
  [
    'data.makeClassification',
    'weights',
    'a sum above 1',
    () => data.makeClassification({ weights: [1, 1] }),
    ValueError,
    /'weights'/,
  ],
  ['data.makeRegression', 'noise', 'negative', () => data.makeRegression({ noise: -1 }), ValueError, /'noise'.*-1/],
  [
    'data.makeBlobs',
    'centers',
    'points of different sizes',
    () => data.makeBlobs({ centers: [[1], [1, 2]] }),
    ValueError,
    /'centers'/,
  ],
  ['data.trainTestSplit', 'y', 'another length', () => data.trainTestSplit(x, [1]), ShapeError, /4 and 1/],
  ['data.trainTestSplit', 'testSize', 'NaN', () => data.trainTestSplit(x, y, { testSize: Number.NaN }), ValueError, /NaN/],
  ['data.trainTestSplit', 'seed', 'a fraction', () => data.trainTestSplit(x, y, { seed: 0.5 }), ValueError, /0\.5/],
  ['data.standardScaler', 'this', 'not fitted', () => data.standardScaler().transform(x), StateError, /fit\(x\) first/],
  [
    'data.standardScaler',
    'x',
    'another number of columns',
    () =>
      data
        .standardScaler()
        .fit(x)
        .transform([[1]]),
    ShapeError,
    /2 columns.*\[1, 1\]/,
  ],
  [
    'data.minMaxScaler',
    'featureRange',
    'descending',
    () => data.minMaxScaler({ featureRange: [1, 0] }),
    ValueError,
    /featureRange/,
  ],
  [
    'data.toCategorical',
    'labels',
    'out of range',
    () => data.toCategorical(y, 1),
    ValueError,
    /from 0 to 0, got 1 at position 1/,
  ],
  ['data.toCategorical', 'labels', 'fractions', () => data.toCategorical([0.5]), ValueError, /integers, got 0\.5/],
  [
    'data.oneHot',
    'values',
    'an unknown category',
    () => data.oneHot(['a'], { categories: ['b'] }),
    ValueError,
    /'a' at position 0/,
  ],
  ['data.labelIndices', 'values', 'a string', () => data.labelIndices(wrong('abc')), ValueError, /'abc'/],
  ['data.dataset', 'source', 'a number', () => data.dataset(wrong(3)), ValueError, /iterable.*got 3/],
  ['data.tensorDataset', 'y', 'another length', () => data.tensorDataset(x, [1, 2]), ShapeError, /4 and 2/],
  ['data.Dataset.batch', 'batchSize', 'zero', () => data.dataset([1]).batch(0), ValueError, /batchSize.*got 0/],
  ['data.Dataset.take', 'count', 'negative', () => data.dataset([1]).take(-1), ValueError, /count.*-1/],
  ['data.loader', 'source', 'a tensor alone', () => data.loader(wrong(x)), ValueError, /pair \[x, y\]/],
  ['data.loader', 'batchSize', 'a fraction', () => data.loader([x, y], { batchSize: 1.5 }), ValueError, /batchSize.*1\.5/],
  ['data.loader', 'options', 'a misspelt option', () => data.loader([x, y], wrong({ batchsize: 2 })), ValueError, /'batchsize'/],
  [
    'data.DataLoader.loadState',
    'state',
    'of another data set',
    () => data.loader([x, y]).loadState({ seed: 0, epoch: 0, batch: 9 }),
    ValueError,
    /from 0 to 1, got 9/,
  ],
  ['data.normalize', 'std', 'zero', () => data.normalize(0, 0), ValueError, /'std'.*0/],
  [
    'data.normalize',
    'x',
    'uint8',
    () => [...data.loader([new Uint8Array(2), y.dataSync().subarray(0, 2)], { transform: data.normalize(0, 1) })],
    DTypeError,
    /uint8.*toFloat/,
  ],
  [
    'data.randomFlip',
    'mode',
    'an unknown name',
    () => data.randomFlip(wrong({ mode: 'sideways' })),
    ValueError,
    /'horizontal'.*'sideways'/,
  ],
  ['data.randomRotate', 'factor', 'above 1', () => data.randomRotate({ factor: 2 }), ValueError, /at most 1, got 2/],
  [
    'data.randomShift',
    'x',
    'no images',
    () => [...data.loader([x, y], { transform: data.randomShift() })],
    ShapeError,
    /images.*\[4, 2\]/,
  ],
  ['data.compose', 'transforms', 'a string', () => data.compose(wrong('flip')), ValueError, /'flip'/],
  ['io.loadSafetensors', 'source', 'no such file', () => io.loadSafetensors('/no/such/file'), ValueError, /readable file/],
  [
    'io.parseSafetensors',
    'source',
    'truncated',
    () => io.parseSafetensors(bytes(9, 0, 0, 0, 0, 0, 0, 0, 123)),
    ValueError,
    /truncated/,
  ],
  [
    'io.parseSafetensors',
    'source',
    'an unknown dtype',
    () => io.parseSafetensors(header('{"a":{"dtype":"F4","shape":[0],"data_offsets":[0,0]}}')),
    DTypeError,
    /'F4'/,
  ],
  [
    'io.parseSafetensors',
    'source',
    'a range outside the file',
    () => io.parseSafetensors(header('{"a":{"dtype":"U8","shape":[9],"data_offsets":[0,9]}}')),
    ValueError,
    /0 bytes exactly, got 9/,
  ],
  [
    'io.serializeSafetensors',
    'tensors',
    'a number',
    () => io.serializeSafetensors(wrong({ a: 1 })),
    ValueError,
    /'a'.*Tensor, got 1/,
  ],
  [
    'io.saveSafetensors',
    'path',
    'a folder that does not exist',
    () => io.saveSafetensors('/no/such/file', { x }),
    ValueError,
    /writable.*\/no\/such\/file/,
  ],
  ['io.writeAtomically', 'path', 'a number', () => io.writeAtomically(wrong(3), new Uint8Array(1)), ValueError, /path.*got 3/],
]
