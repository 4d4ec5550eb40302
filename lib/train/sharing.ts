// `fromShared`: a sequential model over the weights of one in another thread.
// Invariant: nothing is allocated by what the architecture claims before the memory that is shared has confirmed it.
import { inNameOf } from '../errors.js'
import { withoutInitializing } from '../nn/layer.js'
import { openShared, type SharedModule } from '../nn/shared.js'
import { buildSequential } from './saving/load-model.js'
import type { Sequential } from './sequential.js'

/**
 * The model whose `share()` made `shared`, in another thread: the same architecture over the same memory. It predicts, is evaluated and gives
 * gradients; what would write its variables throws StateError. The memory lives until the last model over it is gone, in whatever thread.
 *
 * @throws ValueError for what is no such handle; StateError if its memory is gone or belongs to another process
 * @example
 * const model = st.fromShared(workerData)
 * parentPort.on('message', async (x) => parentPort.postMessage((await model.predict(x)).dataSync()))
 */
export function fromShared(shared: SharedModule): Sequential {
  const variables = openShared('fromShared', shared)
  try {
    const build = (): Sequential => buildSequential({ where: 'fromShared', variables }, shared.architecture, 'useShared')
    return inNameOf('fromShared', 'useShared', () => withoutInitializing(build).useShared(shared))
  } finally {
    for (const tensor of Object.values(variables)) tensor.dispose()
  }
}
