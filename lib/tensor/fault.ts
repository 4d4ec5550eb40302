// Fault injection for the tests of the tests: STEEPEST_FAULT=kernel:<name> spoils that kernel's outputs, and the suite has to notice.
// Twins are left alone, so that comparing with them shows the fault.
import { fault, observeCalls } from '../dispatch.js'
import { isFloat } from './dtype.js'
import { readBytes, writeBytes } from './storage.js'
import { Tensor } from './tensor.js'

/** Floating outputs are scaled by 1.001; an output of integers, where there is no other, is moved by one. */
function spoil(output: Tensor): void {
  const data = readBytes(output.storage, output.byteOffset, output.dtype, output.size)
  for (let i = 0; i < data.length; i++)
    data[i] = isFloat(output.dtype)
      ? (data[i] as number) * 1.001
      : output.dtype === 'bool'
        ? 1 - (data[i] as number)
        : (data[i] as number) + 1
  writeBytes(output.storage, output.byteOffset, data)
}

if (fault?.startsWith('kernel:')) {
  observeCalls((kernel, twin, outputs) => {
    if (twin || fault !== `kernel:${kernel.name}`) return
    const tensors = outputs.filter((output) => output instanceof Tensor)
    const floats = tensors.filter((output) => isFloat(output.dtype))
    for (const output of floats.length > 0 ? floats : tensors.slice(0, 1)) spoil(output)
  })
}
