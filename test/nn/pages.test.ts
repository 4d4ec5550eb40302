// The pages list what the registries hold: every name is on its page.
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { activationNames } from '../../lib/nn/activations.js'
import { constraintRegistry } from '../../lib/nn/constraints.js'
import { initializerRegistry } from '../../lib/nn/initializers.js'
import { layerRegistry } from '../../lib/nn/layer.js'
import '../../lib/index.js'
import { metricRegistry } from '../../lib/metrics/index.js'
import { lossNames } from '../../lib/nn/losses/index.js'
import { regularizerRegistry } from '../../lib/nn/regularizers.js'
import { optimizerRegistry } from '../../lib/optimizers/index.js'
import { scheduleRegistry } from '../../lib/optimizers/schedules.js'

it.each([
  ['layers', [layerRegistry, initializerRegistry, regularizerRegistry, constraintRegistry].flatMap(({ names }) => names)],
  ['layers', activationNames],
  ['optimizers', [optimizerRegistry, scheduleRegistry, metricRegistry].flatMap(({ names }) => names)],
  ['optimizers', lossNames],
])('docs/%s.md names all of %o', (page, names) => {
  const text = readFileSync(new URL(`../../docs/${page}.md`, import.meta.url), 'utf8')
  expect(names.filter((name) => !text.includes(`\`${name}\``))).toEqual([])
})
