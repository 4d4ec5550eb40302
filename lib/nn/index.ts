// The public names of layers, losses and what goes with them.
import * as constraintEntries from './constraints.js'
import * as initializerEntries from './initializers.js'
import * as layerEntries from './layers/index.js'
import * as regularizerEntries from './regularizers.js'

export { type Activation as ActivationFunction, type ActivationLike, type ActivationName, activations } from './activations.js'
export { Constraint, type ConstraintLike } from './constraints.js'
export { Initializer, type InitializerLike, type InitializerName } from './initializers.js'
export { type BatchShape, Layer, type LayerOptions, layerFromConfig, registerLayer, serializeLayer } from './layer.js'
export { Activation, type ActivationOptions, LeakyRelu, type LeakyReluOptions } from './layers/activation.js'
export { BatchNormalization, type BatchNormalizationOptions } from './layers/batch-normalization.js'
export { Conv2d, type Conv2dLayerOptions } from './layers/conv2d.js'
export type { DataFormat } from './layers/data-format.js'
export { Dense, type DenseOptions } from './layers/dense.js'
export { Dropout, type DropoutOptions } from './layers/dropout.js'
export { Embedding, type EmbeddingOptions } from './layers/embedding.js'
export {
  AveragePooling2d,
  GlobalAveragePooling2d,
  type GlobalPooling2dOptions,
  MaxPooling2d,
  type Pooling2dOptions,
} from './layers/pooling2d.js'
export { Rescaling, type RescalingOptions } from './layers/rescaling.js'
export { Flatten, type FlattenOptions, Reshape, type ReshapeOptions } from './layers/reshaping.js'
export {
  type CrossentropyOptions,
  getLoss,
  type HuberOptions,
  type LossFunction,
  type LossLike,
  type LossName,
  type LossOptions,
  losses,
  type Reduction,
  type SmoothedCrossentropyOptions,
} from './losses/index.js'
export { Module } from './module.js'
export type { Config, Serialized } from './registry.js'
export { Regularizer, type RegularizerLike } from './regularizers.js'

export type { SharedModule, SharedVariable } from './shared.js'

/** Layers: `st.layers.dense({ units: 10 })`. Options and defaults of Keras 3. */
export const layers = { ...layerEntries }

const { zeros, ones, constant, randomUniform, randomNormal, truncatedNormal, varianceScaling, orthogonal } = initializerEntries
const { glorotUniform, glorotNormal, heUniform, heNormal, lecunUniform, lecunNormal } = initializerEntries
/** Initializers: `st.initializers.heNormal({ seed: 1 })`. */
export const initializers = {
  zeros,
  ones,
  constant,
  randomUniform,
  randomNormal,
  truncatedNormal,
  varianceScaling,
  glorotUniform,
  glorotNormal,
  heUniform,
  heNormal,
  lecunUniform,
  lecunNormal,
  orthogonal,
}

const { l1, l2, l1l2 } = regularizerEntries
/** Regularizers: `st.regularizers.l2({ l2: 1e-4 })`. */
export const regularizers = { l1, l2, l1l2 }

const { maxNorm, nonNeg, unitNorm, minMaxNorm } = constraintEntries
/** Constraints: `st.constraints.maxNorm({ maxValue: 3 })`. */
export const constraints = { maxNorm, nonNeg, unitNorm, minMaxNorm }
