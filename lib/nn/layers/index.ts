// The layer factories, gathered for `st.layers`.
export { activation, leakyRelu } from './activation.js'
export { batchNormalization } from './batch-normalization.js'
export { conv2d } from './conv2d.js'
export { dense } from './dense.js'
export { dropout } from './dropout.js'
export { embedding } from './embedding.js'
export { averagePooling2d, globalAveragePooling2d, maxPooling2d } from './pooling2d.js'
export { flatten, reshape } from './reshaping.js'
