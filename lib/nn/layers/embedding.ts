// A table of vectors looked up by index.
import { inTheNameOf } from '../../dispatch.js'
import { gather } from '../../ops/gather.js'
import { wholeNumbers } from '../../ops/whole-numbers.js'
import { isFloat } from '../../tensor/dtype.js'
import type { Tensor, Variable } from '../../tensor/tensor.js'
import { positiveInteger } from '../check.js'
import { type Constraint, type ConstraintLike, getConstraint } from '../constraints.js'
import { getInitializer, type Initializer, type InitializerLike } from '../initializers.js'
import { type BatchShape, Layer, type LayerOptions, registerLayer } from '../layer.js'
import { type Config, serialize } from '../registry.js'
import { getRegularizer, type Regularizer, type RegularizerLike } from '../regularizers.js'

/** Options of `embedding`. */
export interface EmbeddingOptions extends LayerOptions {
  /** Number of indices: they are 0 … inputDim − 1. */
  inputDim: number
  /** Length of the vectors. */
  outputDim: number
  /** Default 'randomUniform' (±0.05). */
  embeddingsInitializer?: InitializerLike
  embeddingsRegularizer?: RegularizerLike
  embeddingsConstraint?: ConstraintLike
}

/**
 * Vectors of a trainable table: indices [batch, …] → [batch, …, outputDim]. An index outside the table is a ValueError.
 * Parameter: embeddings [inputDim, outputDim].
 */
export class Embedding extends Layer {
  readonly className = 'embedding'
  readonly inputDim: number
  readonly outputDim: number
  declare embeddings: Variable
  private readonly initializer: Initializer
  private readonly regularizer: Regularizer | null
  private readonly constraint: Constraint | null

  constructor(options: EmbeddingOptions) {
    super('embedding', options)
    this.inputDim = positiveInteger('embedding', 'inputDim', options.inputDim)
    this.outputDim = positiveInteger('embedding', 'outputDim', options.outputDim)
    this.initializer = getInitializer('embedding', options.embeddingsInitializer ?? 'randomUniform')
    this.regularizer = getRegularizer('embedding', options.embeddingsRegularizer)
    this.constraint = getConstraint('embedding', options.embeddingsConstraint)
    // The table does not depend on the input, so it can be made at once.
    this.ensureBuilt([null, ...(this.inputShape ?? [])])
  }

  override build(_inputShape: BatchShape): void {
    const { initializer, regularizer, constraint } = this
    this.embeddings = this.addWeight('embeddings', [this.inputDim, this.outputDim], { initializer, regularizer, constraint })
  }

  computeOutputShape(inputShape: BatchShape): BatchShape {
    return [...inputShape, this.outputDim]
  }

  call(x: Tensor): Tensor {
    return inTheNameOf(this.name, 'gather', () => gather(this.embeddings, isFloat(x.dtype) ? wholeNumbers(x) : x))
  }

  override getConfig(): Config {
    return {
      ...super.getConfig(),
      inputDim: this.inputDim,
      outputDim: this.outputDim,
      embeddingsInitializer: serialize(this.initializer),
      embeddingsRegularizer: serialize(this.regularizer),
      embeddingsConstraint: serialize(this.constraint),
    }
  }
}

/** Vectors of a trainable table: indices [batch, …] → [batch, …, outputDim]. */
export const embedding: (options: EmbeddingOptions) => Embedding = registerLayer('embedding', Embedding)
