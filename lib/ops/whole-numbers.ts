// Class numbers and indices that arrive as floats, as labels from CSV files and pandas do. Invariant: what is no whole number becomes an
// index that no table has, so that the kernel that uses it refuses it with its position.
import { notWhole } from '../dispatch.js'
import { isFloat } from '../tensor/dtype.js'
import type { Tensor } from '../tensor/tensor.js'
import { castTo } from './cast.js'
import { applyFormula, formula } from './elementwise.js'

// NaN equals nothing, itself neither. As a float the sentinel is exact.
const whole = formula('wholeNumbers', 1, (x) => x.equal(x.floor()).where(x, notWhole))

/** The numbers as int32; of floats those that are not whole, NaN among them, as `notWhole`. */
export function wholeNumbers(x: Tensor): Tensor {
  return castTo(isFloat(x.dtype) ? applyFormula(whole, [x]) : x, 'int32')
}
