// Operations as methods: `matMul(x, w)` is also `x.matMul(w)`. One list gives both the types and the prototype.
import { type BackwardOptions, backward } from './autograd/backward.js'
import * as ops from './ops/index.js'
import { format } from './tensor/print.js'
import { Tensor } from './tensor/tensor.js'

// Functions whose first argument is not the tensor that one would call them on.
const apart = ['concatenate', 'stack', 'pointwise', 'where'] as const

type Method<F> = F extends (x: infer _First, ...rest: infer Rest) => infer Result ? (...rest: Rest) => Result : never
// Written over `typeof ops`, not over an object made from it: the declaration file then refers to the functions' own types.
type Methods = { [K in Exclude<keyof typeof ops, (typeof apart)[number]>]: Method<(typeof ops)[K]> }

declare module './tensor/tensor.js' {
  interface Tensor extends Methods {
    /** `a` where this is not 0, else `b`. */
    where(a: import('./tensor/creation.js').TensorLike, b: import('./tensor/creation.js').TensorLike): Tensor
    /** Gradients of this with respect to every trainable variable it depends on, added to their `grad`. See `backward`. */
    backward(seed?: Tensor, options?: BackwardOptions): void
    /** Prints values, dtype and shape. */
    print(): void
    toString(): string
  }
}

for (const [name, method] of Object.entries(ops)) {
  if (apart.some((other) => other === name)) continue
  Object.defineProperty(Tensor.prototype, name, {
    value(this: Tensor, ...rest: never[]) {
      return (method as (x: Tensor, ...rest: never[]) => unknown)(this, ...rest)
    },
    writable: true,
    configurable: true,
  })
}
Tensor.prototype.where = function where(a, b) {
  return ops.where(this, a, b)
}
Tensor.prototype.backward = function backwardMethod(seed, options) {
  backward(this, seed, options)
}
Tensor.prototype.toString = function describe() {
  return format(this)
}
Tensor.prototype.print = function print() {
  console.log(format(this))
}
