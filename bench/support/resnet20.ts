// ResNet-20 for 32 × 32 × 3 images (He et al. 2015), of the library's layers. Invariant: fields stand in the order in which
// network.ts lists the parameters, so that both agree on which is which.
import * as st from 'steepest'

const relu = st.layers.activation({ activation: 'relu' })

/** Convolution without bias and batch normalization. */
class ConvNorm extends st.Module {
  readonly conv: st.Layer
  readonly norm = st.layers.batchNormalization({ momentum: 0.9 })

  constructor(filters: number, kernelSize: number, strides: number) {
    super()
    const padding = kernelSize === 1 ? 'valid' : 'same'
    this.conv = st.layers.conv2d({ filters, kernelSize, strides, padding, useBias: false })
  }

  forward(x: st.Tensor): st.Tensor {
    return this.norm.forward(this.conv.forward(x))
  }
}

/** relu(convolutions(x) + shortcut(x)); the shortcut is a 1 × 1 convolution where the shape changes. */
class Block extends st.Module {
  readonly first: ConvNorm
  readonly second: ConvNorm
  readonly shortcut: ConvNorm | null

  constructor(channels: number, filters: number, strides: number) {
    super()
    this.first = new ConvNorm(filters, 3, strides)
    this.second = new ConvNorm(filters, 3, 1)
    this.shortcut = strides === 1 && channels === filters ? null : new ConvNorm(filters, 1, strides)
  }

  forward(x: st.Tensor): st.Tensor {
    const body = this.second.forward(relu.forward(this.first.forward(x)))
    return relu.forward(body.add(this.shortcut?.forward(x) ?? x))
  }
}

/** Logits [batch, 10] of images [batch, 32, 32, 3]. */
export class ResNet20 extends st.Module {
  readonly stem = new ConvNorm(16, 3, 1)
  readonly blocks = [16, 32, 64].flatMap((filters, stage) =>
    [0, 1, 2].map((i) => {
      const opens = stage > 0 && i === 0
      return new Block(opens ? filters / 2 : filters, filters, opens ? 2 : 1)
    }),
  )
  readonly pool = st.layers.globalAveragePooling2d()
  readonly head = st.layers.dense({ units: 10 })

  forward(x: st.Tensor): st.Tensor {
    const features = this.blocks.reduce((h, block) => block.forward(h), relu.forward(this.stem.forward(x)))
    return this.head.forward(this.pool.forward(features))
  }
}
