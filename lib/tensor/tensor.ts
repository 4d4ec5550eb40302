// The Tensor: dtype, shape and storage, contiguous and row-major, immutable to its user. Variable: the one kind written in place.
// Methods for operations are added by lib/ops/methods.ts, which knows them all.
import type { GraphNode } from '../autograd/node.js'
import { type Addressable, call, kernelNamed, recording, unrecorded } from '../dispatch.js'
import { checkOptions, DTypeError, ShapeError, StateError, ValueError, wrongArgument } from '../errors.js'
import { readBytes } from './bytes.js'
import { type DType, dtypes, isFloat, type TypedArray } from './dtype.js'
import { type Shape, sameShape, showShape, sizeOf } from './shape.js'
import { allocate, allocateVariable, Storage } from './storage.js'

/** Nested arrays as `tensor.array()` returns them; a scalar gives a number. */
export type NestedArray = number | NestedArray[]

/**
 * An n-dimensional array of numbers. Contiguous, row-major, immutable: operations return new tensors, and what is read from one is a copy.
 * Memory is freed by the garbage collector; `dispose()`, `using` and `tidy()` free it sooner.
 */
export class Tensor implements Addressable {
  readonly size: number
  /** @internal The operation that made it, when gradients flow through it. */
  node: GraphNode | null = null
  /** @internal True for a leaf whose gradient is wanted. */
  leaf = false
  /** @internal */
  ownGradient: Tensor | null = null
  /** @internal True once user code has seen the gradient: its memory must not be reused. */
  gradientSeen = false

  constructor(
    readonly dtype: DType,
    readonly shape: Shape,
    /** @internal Fixed, but for variables that take over shared memory. */
    public storage: Storage,
    /** @internal */
    readonly byteOffset = 0,
  ) {
    if (!(storage instanceof Storage))
      throw new ValueError('Tensor: tensors are made by st.tensor(), st.zeros() and operations, not by the constructor')
    // Sizes were checked when the memory was allocated, so they must never change.
    if (!Object.isFrozen(shape)) Object.freeze(shape)
    this.size = sizeOf(shape)
  }

  /** Number of axes. */
  get rank(): number {
    return this.shape.length
  }

  /** @internal Absolute address of the first element. */
  get address(): number {
    return this.storage.address + this.byteOffset
  }

  /** @internal The same for writing: throws StateError for memory that may only be read. */
  get addressToWrite(): number {
    return this.storage.addressToWrite + this.byteOffset
  }

  /** Whether `backward` carries gradients to or through this tensor. */
  get requiresGrad(): boolean {
    return this.leaf || this.node !== null
  }

  /** The gradient that `backward` left here, of this shape; null if there is none. */
  get grad(): Tensor | null {
    this.gradientSeen = true
    return this.ownGradient
  }
  set grad(value: Tensor | null) {
    if (value !== null) checkTensor('grad', 'value', value)
    if (value && !sameShape(value.shape, this.shape))
      throw new ShapeError(`grad: must have shape ${showShape(this.shape)}, got ${showShape(value.shape)}`)
    this.gradientSeen = true
    this.ownGradient = value
  }

  /** A copy of the elements, row-major. Resolves at once for eager tensors. */
  async data(): Promise<TypedArray> {
    return this.dataSync()
  }

  /** A copy of the elements, row-major. */
  dataSync(): TypedArray {
    return readBytes(this.storage, this.byteOffset, this.dtype, this.size)
  }

  /** A copy of the elements as nested arrays; a scalar gives a number. */
  array(): NestedArray {
    const data = this.dataSync()
    const nest = (axis: number, start: number, step: number): NestedArray => {
      if (axis === this.shape.length) return data[start] as number
      const size = this.shape[axis] as number
      const inner = size === 0 ? 0 : step / size
      return Array.from({ length: size }, (_, i) => nest(axis + 1, start + i * inner, inner))
    }
    return nest(0, 0, this.size)
  }

  /** The only element of a tensor of size 1. */
  item(): number {
    if (this.size !== 1)
      throw new ValueError(`item: the tensor must have exactly one element, got shape ${showShape(this.shape)}`)
    return this.dataSync()[0] as number
  }

  /** The same elements outside the gradient graph: a view. */
  detach(): Tensor {
    return new Tensor(this.dtype, this.shape, this.storage, this.byteOffset)
  }

  /** Frees the memory now. Views of it are gone as well; any later use throws StateError. */
  dispose(): void {
    this.storage.dispose()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  /** True after `dispose()`. */
  get isDisposed(): boolean {
    return this.storage.disposed
  }
}

/** An uninitialised tensor for a kernel to fill. */
export function emptyTensor(dtype: DType, shape: Shape): Tensor {
  return new Tensor(dtype, shape, allocate(sizeOf(shape) * dtypes[dtype].bytes))
}

let variableCount = 0

function checkTensor(fn: string, argument: string, value: unknown): void {
  if (!(value instanceof Tensor))
    throw new ValueError(wrongArgument(fn, argument, 'a Tensor', value, 'make one with st.tensor()'))
}

/** Options of a Variable. */
export interface VariableOptions {
  /** Whether optimizers update it and `backward` leaves a gradient (default true for floating types). */
  trainable?: boolean
  /** Name in listings and saved files (default `variable_<n>`). */
  name?: string
}

/** A tensor that is written in place: a parameter, a running statistic, an optimizer's moment, a counter. */
export class Variable extends Tensor {
  name: string
  /** Whether it was made trainable: a parameter, not a statistic or a counter. Freezing it by `trainable = false` does not change this. */
  readonly isParameter: boolean

  constructor(initial: Tensor, options: VariableOptions = {}) {
    checkTensor('Variable', 'initial', initial)
    checkOptions('Variable', options, ['trainable', 'name'])
    super(initial.dtype, initial.shape, allocateVariable(initial.size * dtypes[initial.dtype].bytes))
    this.name = options.name ?? `variable_${++variableCount}`
    this.trainable = options.trainable ?? isFloat(initial.dtype)
    this.isParameter = this.leaf
    this.initialize(initial)
  }

  /** Writes the first value. */
  protected initialize(initial: Tensor): void {
    unrecorded(() => this.assign(initial))
  }

  override get requiresGrad(): boolean {
    recording()?.note(this)
    return this.leaf || this.node !== null
  }

  override get grad(): Tensor | null {
    recording()?.note(this)
    return super.grad
  }
  override set grad(value: Tensor | null) {
    recording()?.note(this)
    super.grad = value
  }

  /** Whether optimizers update it and gradients reach it. */
  get trainable(): boolean {
    return this.leaf
  }
  set trainable(value: boolean) {
    if (value && !isFloat(this.dtype))
      throw new DTypeError(`variable '${this.name}': only float32 and float64 can be trainable, got ${this.dtype}`)
    this.leaf = value
  }

  /** Overwrites the elements with those of `value`, of the same shape and dtype. */
  assign(value: Tensor): this {
    checkTensor('assign', 'value', value)
    if (!sameShape(value.shape, this.shape))
      throw new ShapeError(`assign: variable '${this.name}' has shape ${showShape(this.shape)}, got ${showShape(value.shape)}`)
    if (value.dtype !== this.dtype)
      throw new DTypeError(`assign: variable '${this.name}' has dtype ${this.dtype}, got ${value.dtype}`)
    if (value.storage.disposed || this.storage.disposed)
      throw new StateError(`assign: the variable '${this.name}' or the value was disposed`)
    call(copyKernel, this.dtype === 'float64', [this], [value], [dtypes[this.dtype].bytes, 1, 0, 0, this.size, 1, 1])
    this.touch()
    return this
  }

  /** @internal Takes other memory in place of its own, which is given back. */
  adopt(storage: Storage): void {
    this.storage.dispose()
    this.storage = storage
  }

  /** @internal Records a write in place, so that a backward pass that saved the old value can refuse. */
  touch(): void {
    this.storage.version++
  }
}

/** @internal A variable of zeros: new memory of variables is zero, and no page of it is touched before its first use. */
export class ZeroVariable extends Variable {
  protected override initialize(): void {}
}

const copyKernel = kernelNamed('copy')
