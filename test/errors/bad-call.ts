// The shape of one line of the tables of bad input.

/** [function, argument, fault, call, the error class it must throw, what the message must mention]. */
export type BadCall = readonly [
  fn: string,
  argument: string,
  fault: string,
  call: () => unknown,
  error: new (message: string) => Error,
  mentions: RegExp,
]
