// The shape of one line of the tables of bad input, and what they all need.

/**
 * [function, argument, fault, call, the error class it must throw, what the message must mention, what it calls the function: by default its
 * own name, for layers and user-named functions their name].
 */
export type BadCall = readonly [
  fn: string,
  argument: string,
  fault: string,
  call: () => unknown,
  error: new (message: string) => Error,
  mentions: RegExp,
  calledBy?: string,
]

/** A value where the types want another. */
export const wrong = (value: unknown): never => value as never

/** A typed array whose buffer was transferred away. */
export function detached(): Uint8Array {
  const array = new Uint8Array(16)
  structuredClone(array.buffer, { transfer: [array.buffer] })
  return array
}
