// Bad input to files and what is in them: what is called, which argument is wrong and how. Functions that read files return promises.
import * as data from '../../lib/data/index.js'
import { DTypeError, ValueError } from '../../lib/errors.js'
import * as io from '../../lib/io/index.js'
import { ones } from '../../lib/tensor/creation.js'
import { type BadCall, detached, wrong } from './bad-call.js'

const x = ones([4, 2])
const bytes = (...values: number[]) => Uint8Array.from(values)
const header = (json: string): Uint8Array => Buffer.concat([bytes(json.length, 0, 0, 0, 0, 0, 0, 0), Buffer.from(json)])
const npyHeader = (text: string): Uint8Array =>
  Buffer.concat([Buffer.from('\x93NUMPY\x01\x00', 'latin1'), bytes(text.length, 0), Buffer.from(text)])

export const fileCalls: readonly BadCall[] = [
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
  ['data.npz', 'source', 'no such file', () => data.npz('/no/such/file'), ValueError, /readable file.*\/no\/such\/file/],
  ['data.saveNpy', 'values', 'an array', () => data.saveNpy('/tmp/x.npy', wrong([1])), ValueError, /a Tensor.*\[1\]/],
  ['data.saveNpz', 'arrays', 'a tensor', () => data.saveNpz('/tmp/x.npz', wrong(null)), ValueError, /tensors.*null/],
  ['data.serializeNpy', 'values', 'a number', () => data.serializeNpy(wrong(3)), ValueError, /a Tensor.*3/],
  ['data.serializeNpz', 'arrays', 'numbers', () => data.serializeNpz(wrong({ a: 1 })), ValueError, /Tensor.*1/],
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
