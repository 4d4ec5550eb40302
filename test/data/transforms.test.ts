// Transforms: exact values on small images, that augmentation moves each image by itself and by no more than told, and refusals.
import { describe, expect, test } from 'vitest'
import { RandomSource } from '../../lib/data/rng.js'
import { compose, normalize, randomFlip, randomRotate, randomShift, type Transform, toFloat } from '../../lib/data/transforms.js'
import { DTypeError, ShapeError, ValueError } from '../../lib/errors.js'
import { reshape } from '../../lib/ops/shape-ops.js'
import { tensor } from '../../lib/tensor/creation.js'
import type { Tensor } from '../../lib/tensor/tensor.js'

const run = (transform: Transform, x: Tensor, seed = 1) => transform(x, new RandomSource(seed))
const numbers = (x: Tensor) => Array.from(x.dataSync())
const images = tensor(
  Float32Array.from({ length: 64 * 36 }, (_, i) => i % 36),
  [64, 6, 6],
)

describe('values', () => {
  test('toFloat divides pixels by 255 and leaves other numbers', () => {
    expect(numbers(run(toFloat(), tensor(Uint8Array.of(0, 51, 255))))).toEqual([...Float32Array.of(0, 0.2, 1)])
    expect(numbers(run(toFloat(), tensor(Int32Array.of(-3, 300))))).toEqual([-3, 300])
    expect(run(toFloat(), tensor(Float64Array.of(0.1))).dtype).toBe('float32')
  })

  test('normalize by one number or per channel', () => {
    expect(numbers(run(normalize(0.5, 0.5), tensor([0, 0.5, 1])))).toEqual([-1, 0, 1])
    expect(
      numbers(
        run(
          normalize([1, 2], [2, 4]),
          tensor([
            [1, 2],
            [3, 6],
          ]),
        ),
      ),
    ).toEqual([0, 0, 1, 1])
    expect(run(normalize(0, 1), tensor(Float64Array.of(1))).dtype).toBe('float64')
  })

  test('compose runs in order', () => {
    expect(numbers(run(compose(toFloat(), normalize(0.5, 0.5)), tensor(Uint8Array.of(0, 255))))).toEqual([-1, 1])
    expect(numbers(run(compose(), tensor([1])))).toEqual([1])
  })
})

describe('augmentation', () => {
  test('keeps shape and dtype, repeats by seed, differs between images', () => {
    for (const transform of [randomShift(), randomFlip(), randomRotate()]) {
      for (const shape of [
        [64, 6, 6],
        [64, 6, 6, 1],
        [32, 6, 6, 2],
      ])
        expect(run(transform, reshape(images, shape)).shape).toEqual(shape)
      const changed = numbers(run(transform, images))
      expect(numbers(run(transform, images))).toEqual(changed)
      expect(numbers(run(transform, images, 2))).not.toEqual(changed)
      const rows = Array.from({ length: 64 }, (_, i) => changed.slice(i * 36, i * 36 + 36).join())
      expect(new Set(rows).size).toBeGreaterThan(1)
    }
    expect(run(randomFlip(), tensor(new Float64Array(16), [1, 4, 4])).dtype).toBe('float64')
    expect(run(randomShift(), tensor(new Float32Array(0), [0, 4, 4])).shape).toEqual([0, 4, 4])
  })

  test('flips are exact mirror images, about half of them', () => {
    const image = Array.from({ length: 36 }, (_, i) => i)
    const mirrored = image.map((i) => i - (i % 6) + 5 - (i % 6))
    const upsideDown = image.map((i) => (5 - Math.floor(i / 6)) * 6 + (i % 6))
    const both = [...image].reverse()
    const kinds = (mode: 'horizontal' | 'vertical' | 'horizontalAndVertical') => {
      const out = numbers(run(randomFlip({ mode }), images))
      return Array.from({ length: 64 }, (_, i) => out.slice(i * 36, i * 36 + 36).join())
    }
    expect(new Set(kinds('horizontal'))).toEqual(new Set([image.join(), mirrored.join()]))
    expect(new Set(kinds('vertical'))).toEqual(new Set([image.join(), upsideDown.join()]))
    expect(new Set(kinds('horizontalAndVertical'))).toEqual(
      new Set([image, mirrored, upsideDown, both].map((list) => list.join())),
    )
    const flipped = kinds('horizontal').filter((kind) => kind !== image.join()).length
    expect(Math.abs(flipped - 32)).toBeLessThan(13) // 3.2 standard deviations of 64 fair draws
  })

  test('a shift moves a ramp by one amount everywhere, within its bounds, and fills what comes from outside', () => {
    const rows = tensor(
      Float32Array.from({ length: 50 * 100 }, (_, i) => Math.floor((i % 100) / 10)),
      [50, 10, 10],
    )
    const out = numbers(run(randomShift({ heightFactor: 0.2, widthFactor: 0, fillValue: -7 }), rows))
    for (let image = 0; image < 50; image++) {
      const shift = (out[image * 100 + 55] as number) - 5
      expect(Math.abs(shift)).toBeLessThanOrEqual(2)
      for (let row = 3; row < 7; row++) expect(out[image * 100 + row * 10 + 4]).toBeCloseTo(row + shift, 4)
    }
    expect(Math.min(...out)).toBeLessThan(0)
    const still = numbers(run(randomShift({ heightFactor: 0 }), images))
    expect(still).toEqual(numbers(images))
  })

  test('a rotation keeps the centre and turns a ramp into a ramp of the same slope', () => {
    const ramp = tensor(
      Float32Array.from({ length: 20 * 81 }, (_, i) => (i % 81) % 9),
      [20, 9, 9],
    )
    const out = numbers(run(randomRotate({ factor: 0.1 }), ramp))
    const angles: number[] = []
    for (let image = 0; image < 20; image++) {
      const at = (row: number, column: number) => out[image * 81 + row * 9 + column] as number
      expect(at(4, 4)).toBeCloseTo(4, 4)
      const [down, right] = [at(5, 4) - at(4, 4), at(4, 5) - at(4, 4)]
      expect(Math.hypot(down, right)).toBeCloseTo(1, 4)
      angles.push(Math.atan2(down, right) / (2 * Math.PI))
    }
    expect(Math.max(...angles.map(Math.abs))).toBeLessThanOrEqual(0.1 + 1e-6)
    expect(Math.max(...angles)).toBeGreaterThan(0)
    expect(Math.min(...angles)).toBeLessThan(0)
  })
})

describe('refusals', () => {
  test.each<[() => unknown, new (message: string) => Error, RegExp]>([
    [
      () => run(normalize(0, 1), tensor(Uint8Array.of(1))),
      DTypeError,
      /must be float32 or float64, got uint8; put toFloat\(\) before it/,
    ],
    [() => run(randomFlip(), tensor(new Uint8Array(4), [1, 2, 2])), DTypeError, /toFloat/],
    [() => run(randomFlip(), tensor([1, 2])), ShapeError, /must be images .* got \[2\]/],
    [() => run(normalize([1, 2], 1), tensor([1, 2, 3])), ShapeError, /2 channels in its last axis, got \[3\]/],
    [() => normalize(0, 0), ValueError, /'std' must be other than 0/],
    [() => normalize([], 1), ValueError, /'mean' must be a number or one per channel/],
    [() => normalize('a' as never, 1), ValueError, /'mean' must be a finite number, got 'a'/],
    [() => compose(3 as never), ValueError, /functions of a tensor, got 3/],
    [() => randomShift({ heightFactor: 2 }), ValueError, /at most 1, got 2/],
    [() => randomShift({ fillValue: Number.NaN }), ValueError, /'fillValue'/],
    [
      () => randomFlip({ mode: 'both' as never }),
      ValueError,
      /one of 'horizontal', 'vertical', 'horizontalAndVertical', got 'both'/,
    ],
    [() => randomRotate({ degrees: 3 } as object), ValueError, /got 'degrees'/],
  ])('%s', (call, error, message) => {
    expect(call).toThrow(error)
    expect(call).toThrow(message)
  })
})
