// The options of layers with a kernel and a bias: initializers, regularizers and constraints of both.
import { type ConstraintLike, getConstraint } from '../constraints.js'
import { getInitializer, type InitializerLike } from '../initializers.js'
import type { WeightOptions } from '../layer.js'
import { type Config, serialize } from '../registry.js'
import { getRegularizer, type RegularizerLike } from '../regularizers.js'

/** Options of a kernel and a bias. */
export interface KernelOptions {
  /** Default 'glorotUniform'. */
  kernelInitializer?: InitializerLike
  /** Default 'zeros'. */
  biasInitializer?: InitializerLike
  kernelRegularizer?: RegularizerLike
  biasRegularizer?: RegularizerLike
  kernelConstraint?: ConstraintLike
  biasConstraint?: ConstraintLike
}

export interface KernelParts {
  readonly kernel: WeightOptions
  readonly bias: WeightOptions
}

/** The options, resolved. */
export function kernelParts(fn: string, options: KernelOptions): KernelParts {
  return {
    kernel: {
      initializer: getInitializer(fn, options.kernelInitializer ?? 'glorotUniform'),
      regularizer: getRegularizer(fn, options.kernelRegularizer),
      constraint: getConstraint(fn, options.kernelConstraint),
    },
    bias: {
      initializer: getInitializer(fn, options.biasInitializer ?? 'zeros'),
      regularizer: getRegularizer(fn, options.biasRegularizer),
      constraint: getConstraint(fn, options.biasConstraint),
    },
  }
}

/** The options, as `getConfig` tells them. */
export function kernelConfig({ kernel, bias }: KernelParts): Config {
  return {
    kernelInitializer: serialize(kernel.initializer),
    biasInitializer: serialize(bias.initializer),
    kernelRegularizer: serialize(kernel.regularizer ?? null),
    biasRegularizer: serialize(bias.regularizer ?? null),
    kernelConstraint: serialize(kernel.constraint ?? null),
    biasConstraint: serialize(bias.constraint ?? null),
  }
}
