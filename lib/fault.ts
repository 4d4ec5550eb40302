// Fault injection for the tests of the tests: `kernel:<name>` spoils that kernel's outputs, `gradient:<op>` that operation's gradients, and
// the suite has to notice. Twins are left alone, so that comparing with them shows the fault.
import { type CallObserver, observeCalls } from './dispatch.js'
import { environment } from './environment.js'
import { readBytes, writeBytes } from './tensor/bytes.js'
import { isFloat } from './tensor/dtype.js'
import { Tensor } from './tensor/tensor.js'

let current: string | undefined

/** The gradient fault in force, for the backward pass to apply. */
export function isGradientFaulty(op: string): boolean {
  return current !== undefined && current === `gradient:${op}`
}

/** Floating outputs are scaled by 1.001; an output of integers, where there is no other, is moved by one. */
function spoil(output: Tensor): void {
  const data = readBytes(output.storage, output.byteOffset, output.dtype, output.size)
  const wrong = isFloat(output.dtype)
    ? (x: number) => x * 1.001
    : output.dtype === 'bool'
      ? (x: number) => 1 - x
      : (x: number) => x + 1
  writeBytes(output.storage, output.byteOffset, data.map(wrong))
}

/** Injects a fault from now on; undefined ends it. */
export function injectFault(fault: string | undefined): void {
  current = fault
  const [kind, name] = fault?.split(':') ?? []
  const spoilCall: CallObserver = (kernel, twin, outputs) => {
    if (twin || kernel.name !== name) return
    const tensors = outputs.filter((output) => output instanceof Tensor)
    const floats = tensors.filter((output) => isFloat(output.dtype))
    for (const output of floats.length > 0 ? floats : tensors.slice(0, 1)) spoil(output)
  }
  observeCalls(kind === 'kernel' ? spoilCall : undefined)
}

injectFault(environment('STEEPEST_FAULT'))
