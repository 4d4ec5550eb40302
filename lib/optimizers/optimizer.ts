// What all optimizers share: the learning rate, gradient clipping, weight decay, slots (moments) per parameter, and the step itself.
// Invariant: everything that changes between steps (learning rate, step count, moments) is a variable, and each parameter is updated by one
// fused formula, so a step is a fixed sequence of kernel calls. Update rules are those of Keras 3.

import { noGrad } from '../autograd/mode.js'
import { recording, unrecorded } from '../dispatch.js'
import { DTypeError, describe, StateError, ValueError, wrongArgument } from '../errors.js'
import { notNegative } from '../nn/check.js'
import { constraintOf } from '../nn/constraints.js'
import type { Config, Configurable, Serialized } from '../nn/registry.js'
import { serialize } from '../nn/registry.js'
import { castTo } from '../ops/cast.js'
import { applyFormula, formula } from '../ops/elementwise.js'
import type { Expression } from '../ops/expression/expression.js'
import type { Formula } from '../ops/expression/formula.js'
import { clone } from '../ops/index.js'
import { full, tensor } from '../tensor/creation.js'
import { emptyTensor, type Tensor, Variable, ZeroVariable } from '../tensor/tensor.js'
import { tidy } from '../tensor/tidy.js'
import { Clipping, type ClippingOptions } from './clipping.js'
import { getSchedule, type LearningRateSchedule } from './schedules.js'

/** Options of all optimizers. */
export interface OptimizerOptions extends ClippingOptions {
  /** A number, or a schedule of the step count. */
  learningRate?: number | LearningRateSchedule | Serialized
  /** Decoupled weight decay: each step first subtracts weightDecay · learningRate · parameter (default none). */
  weightDecay?: number | null
}

/** What an update rule computes with. Expressions; a rule returns the new parameter, then its new slots. */
export interface RuleInputs {
  /** The parameter, decayed. */
  readonly parameter: Expression
  /** The gradient, clipped. */
  readonly gradient: Expression
  readonly slots: readonly Expression[]
  /** The learning rate of this step, times the bias correction where the optimizer has one. */
  readonly rate: Expression
}

const countUp = formula('iterations', 1, (n) => n.add(1))

function checkParameters(parameters: unknown): Variable[] {
  if (!Array.isArray(parameters) || parameters.some((p) => !(p instanceof Variable)))
    throw new ValueError(wrongArgument('step', 'parameters', 'an array of variables, such as model.parameters()', parameters))
  return [...new Set(parameters as Variable[])]
}

/** Lets go of the gradient of a parameter; its memory is reused unless user code has seen it. */
function clearGradient(parameter: Variable): void {
  recording()?.note(parameter)
  if (!parameter.gradientSeen) parameter.ownGradient?.storage.dispose()
  parameter.ownGradient = null
  parameter.gradientSeen = false
}

/** Base class of optimizers. */
export abstract class Optimizer implements Configurable {
  abstract readonly className: string
  /** Names of the moments kept per parameter, in the order of the rule. */
  protected abstract readonly slotNames: readonly string[]
  /** New parameter and new slots. */
  protected abstract rule(inputs: RuleInputs): readonly Expression[]

  readonly weightDecay: number | null
  private readonly clipping: Clipping
  private readonly schedule: LearningRateSchedule | null
  private exactRate: number
  protected readonly rateVariable: Variable
  private readonly iterationsVariable: Variable
  private readonly slots = new Map<Variable, Variable[]>()
  private readonly known: Variable[] = []
  private update: Formula | undefined

  constructor(kind: string, options: OptimizerOptions, defaultRate: number, defaultDecay: number | null = null) {
    if (typeof options !== 'object' || options === null)
      throw new ValueError(wrongArgument(kind, 'options', 'an object', options))
    const { learningRate = defaultRate, weightDecay = defaultDecay } = options
    this.schedule = typeof learningRate === 'number' ? null : getSchedule(kind, learningRate)
    this.exactRate = typeof learningRate === 'number' ? notNegative(kind, 'learningRate', learningRate) : 0
    this.weightDecay = weightDecay === null ? null : notNegative(kind, 'weightDecay', weightDecay)
    this.clipping = new Clipping(kind, options)
    this.rateVariable = new Variable(full([], this.exactRate), { trainable: false, name: 'learningRate' })
    this.iterationsVariable = new Variable(full([], 0, 'int32'), { trainable: false, name: 'iterations' })
  }

  /** Steps taken so far. */
  get iterations(): number {
    return this.iterationsVariable.item()
  }

  /** The learning rate of the next step. Can be set, unless the optimizer follows a schedule. */
  get learningRate(): number {
    return this.schedule ? this.schedule.at(this.iterations) : this.exactRate
  }
  set learningRate(value: number) {
    if (this.schedule) throw new StateError(`${this.className}: the learning rate follows a schedule and cannot be set`)
    this.exactRate = notNegative(this.className, 'learningRate', value)
    this.rateVariable.assign(full([], value))
  }

  /** First value of a slot. */
  protected slotInitial(_name: string): number {
    return 0
  }

  /** The float32 scalar that the rule takes as its rate: the learning rate unless overridden. Runs once per step; `step` is float64. */
  protected prepareRate(_step: Tensor): Tensor {
    return this.rateVariable
  }

  private buildUpdate(): Formula {
    const count = this.slotNames.length
    const extra = this.clipping.scales ? 1 : 0
    return formula(this.className, 4 + count + extra, (...inputs) => {
      const [parameter, ...rest] = inputs as [Expression, ...Expression[]]
      const [gradient, learningRate, rate] = rest.slice(count) as [Expression, Expression, Expression]
      const decay = this.weightDecay
      return this.rule({
        parameter: decay ? parameter.sub(parameter.mul(decay).mul(learningRate)) : parameter,
        gradient: this.clipping.apply(gradient, rest[count + 3]),
        slots: rest.slice(0, count),
        rate,
      })
    })
  }

  private slotsOf(parameter: Variable): Variable[] {
    let slots = this.slots.get(parameter)
    if (!slots) {
      slots = unrecorded(() => tidy(() => this.slotNames.map((name) => this.newSlot(parameter, name))))
      this.slots.set(parameter, slots)
    }
    return slots
  }

  private newSlot(parameter: Variable, name: string): Variable {
    const { dtype, shape } = parameter
    const options = { trainable: false, name: `${parameter.name}.${name}` }
    const value = this.slotInitial(name)
    return value === 0 ? new ZeroVariable(emptyTensor(dtype, shape), options) : new Variable(full(shape, value, dtype), options)
  }

  private remember(parameters: readonly Variable[]): void {
    for (const parameter of parameters) if (!this.known.includes(parameter)) this.known.push(parameter)
  }

  /**
   * Updates the parameters by their gradients, then clears these (`keepGradients` leaves them). Frozen parameters and those without gradient
   * stay as they are.
   *
   * @throws StateError when no parameter has a gradient
   */
  step(parameters: readonly Variable[], options: { keepGradients?: boolean } = {}): void {
    const list = checkParameters(parameters)
    const recorder = recording()
    if (recorder) for (const parameter of list) recorder.note(parameter)
    const active = list.filter((parameter) => parameter.trainable && parameter.ownGradient)
    if (active.length === 0)
      throw new StateError('step: no parameter has a gradient; call backward() on a loss that depends on them, before every step')
    for (const { dtype, name, ownGradient } of active) {
      if (ownGradient?.dtype !== dtype)
        throw new DTypeError(`step: the gradient of '${name}' must have dtype ${dtype}, got ${ownGradient?.dtype}`)
    }
    this.remember(list)
    noGrad(() => tidy(() => this.run(active)))
    if (!options.keepGradients) for (const parameter of list) clearGradient(parameter)
  }

  private run(parameters: readonly Variable[]): void {
    this.update ??= this.buildUpdate()
    const step = castTo(this.iterationsVariable, 'float64')
    if (this.schedule) this.rateVariable.assign(castTo(applyFormula(this.schedule.formula, [step]), 'float32'))
    const rate = this.prepareRate(step)
    const gradients = parameters.map((parameter) => parameter.ownGradient as Tensor)
    const scales = this.clipping.scalesOf(gradients)
    parameters.forEach((parameter, i) => {
      const slots = this.slotsOf(parameter)
      const scale = scales[i]
      const inputs = [parameter, ...slots, gradients[i] as Tensor, this.rateVariable, rate, ...(scale ? [scale] : [])]
      ;(this.update as Formula).assign([parameter, ...slots], inputs)
      constraintOf(parameter)?.project(parameter)
    })
    countUp.assign([this.iterationsVariable], [this.iterationsVariable])
  }

  /** Clears the gradients of the parameters. */
  zeroGrad(parameters: readonly Variable[]): void {
    for (const parameter of checkParameters(parameters)) clearGradient(parameter)
  }

  /** Copies of the step count, the learning rate and all slots, the latter as `<index of the parameter>.<name of the slot>`. */
  state(): Record<string, Tensor> {
    const state: Record<string, Tensor> = { iterations: clone(this.iterationsVariable) }
    if (!this.schedule) state.learningRate = tensor(this.exactRate, [], 'float64')
    this.known.forEach((parameter, i) => {
      for (const [k, slot] of (this.slots.get(parameter) ?? []).entries()) state[`${i}.${this.slotNames[k]}`] = clone(slot)
    })
    return state
  }

  /**
   * Continues from a state of an optimizer of the same kind that had stepped the same parameters, in the same order. Nothing changes unless
   * everything fits.
   */
  loadState(state: Readonly<Record<string, Tensor>>, parameters: readonly Variable[]): void {
    const list = checkParameters(parameters)
    const targets = new Map<string, { shape: readonly number[]; dtype: string }>([['iterations', this.iterationsVariable]])
    if (!this.schedule) targets.set('learningRate', { shape: [], dtype: 'float64' })
    list.forEach((parameter, i) => {
      for (const name of this.slotNames) targets.set(`${i}.${name}`, parameter)
    })
    checkOptimizerState(state, targets)
    this.known.length = 0
    this.remember(list)
    this.iterationsVariable.assign(state.iterations as Tensor)
    if (!this.schedule && state.learningRate) this.learningRate = state.learningRate.item()
    list.forEach((parameter, i) => {
      const saved = this.slotNames.map((name) => state[`${i}.${name}`])
      // A slot keeps its variable: programs may have been recorded with it.
      if (!saved[0])
        for (const [k, slot] of (this.slots.get(parameter) ?? []).entries())
          slot.assign(this.newSlot(parameter, this.slotNames[k] as string))
      else for (const [k, slot] of this.slotsOf(parameter).entries()) slot.assign(saved[k] as Tensor)
    })
  }

  /** Options that make an equal optimizer. */
  getConfig(): Config {
    return {
      learningRate: this.schedule ? serialize(this.schedule) : this.exactRate,
      weightDecay: this.weightDecay,
      ...this.clipping.config,
    }
  }
}

/** Refuses a state with unknown names, half the slots of a parameter, or other shapes and dtypes. */
function checkOptimizerState(
  state: Readonly<Record<string, Tensor>>,
  targets: ReadonlyMap<string, { shape: readonly number[]; dtype: string }>,
): void {
  if (typeof state !== 'object' || state === null)
    throw new ValueError(wrongArgument('loadState', 'state', 'an object of tensors', state))
  if (!state.iterations) throw new ValueError("loadState: the optimizer's state has no 'iterations'")
  const slotCount = new Map<string, number>()
  for (const [name, value] of Object.entries(state)) {
    const target = targets.get(name)
    if (!target) throw new ValueError(`loadState: the optimizer has no ${describe(name)} for these parameters`)
    if (value.dtype !== target.dtype || String(value.shape) !== String(target.shape))
      throw new ValueError(
        `loadState: '${name}' must be ${target.dtype} [${target.shape.join(', ')}], got ${value.dtype} [${value.shape.join(', ')}]`,
      )
    const owner = name.includes('.') ? name.slice(0, name.indexOf('.')) : ''
    slotCount.set(owner, (slotCount.get(owner) ?? 0) + 1)
  }
  const names = new Set([...targets.keys()].filter((name) => name.includes('.')).map((name) => name.slice(name.indexOf('.') + 1)))
  for (const [owner, count] of slotCount)
    if (owner !== '' && count !== names.size)
      throw new ValueError(`loadState: parameter ${owner} must have ${[...names].join(', ')}, got ${count} of them`)
}
