// The public names: what lib/index.ts exports, with kinds, against the committed list in api.snapshot.txt. A name that appears or
// vanishes is then a visible part of a change. `npm run snapshot` rewrites the list.
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import ts from 'typescript'
import { expect, it } from 'vitest'
import { checkedIndex, membersOf, targetOf } from './checker.js'
import { read, root } from './sources.js'

const snapshot = 'test/project/api.snapshot.txt'

const kinds: readonly (readonly [ts.SymbolFlags, string])[] = [
  [ts.SymbolFlags.Class, 'class'],
  [ts.SymbolFlags.Function, 'function'],
  [ts.SymbolFlags.Interface, 'interface'],
  [ts.SymbolFlags.TypeAlias, 'type'],
  [ts.SymbolFlags.Enum, 'enum'],
  [ts.SymbolFlags.ValueModule, 'namespace'],
  [ts.SymbolFlags.Variable, 'const'],
]

/** One line per exported name; the members of namespaces and of objects of functions (`layers.dense`) are names as well. */
function publicNames(): string[] {
  const api = checkedIndex()
  const describe = (symbol: ts.Symbol, prefix: string): string[] => {
    const target = targetOf(api, symbol)
    const kind = kinds.filter(([flag]) => target.flags & flag).map(([, name]) => name)
    const line = `${prefix}${symbol.name}: ${kind.join(' and ') || 'member'}`
    return [line, ...membersOf(api, target).flatMap((member) => describe(member, `${prefix}${symbol.name}.`))]
  }
  return api.checker
    .getExportsOfModule(api.index)
    .flatMap((symbol) => describe(symbol, ''))
    .sort()
}

it('the public names are those of the committed list', () => {
  const names = `${publicNames().join('\n')}\n`
  if (process.env.UPDATE_SNAPSHOT) writeFileSync(path.join(root, snapshot), names)
  expect(names).toBe(read(snapshot))
}, 60_000)
