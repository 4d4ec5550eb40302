// The public names: what lib/index.ts exports, with kinds, against the committed list in api.snapshot.txt. A name that appears or
// vanishes is then a visible part of a change. `npm run snapshot` rewrites the list.
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import ts from 'typescript'
import { expect, it } from 'vitest'
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

function checkedIndex(): { checker: ts.TypeChecker; index: ts.Symbol } {
  const { config } = ts.readConfigFile(path.join(root, 'tsconfig.build.json'), ts.sys.readFile)
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root)
  const file = path.join(root, 'lib/index.ts')
  const checker = ts.createProgram([file], { ...options, noEmit: true })
  const source = checker.getSourceFile(file)
  const index = source && checker.getTypeChecker().getSymbolAtLocation(source)
  if (!index) throw new Error('lib/index.ts exports nothing')
  return { checker: checker.getTypeChecker(), index }
}

/** One line per exported name; the members of namespaces and of objects of functions (`layers.dense`) are names as well. */
function publicNames(): string[] {
  const { checker, index } = checkedIndex()
  const describe = (symbol: ts.Symbol, prefix: string): string[] => {
    const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
    const kind = kinds.filter(([flag]) => target.flags & flag).map(([, name]) => name)
    const line = `${prefix}${symbol.name}: ${kind.join(' and ') || 'member'}`
    return [line, ...members(target).flatMap((member) => describe(member, `${prefix}${symbol.name}.`))]
  }
  const members = (symbol: ts.Symbol): readonly ts.Symbol[] => {
    if (symbol.flags & ts.SymbolFlags.ValueModule) return checker.getExportsOfModule(symbol)
    const declaration = symbol.valueDeclaration
    if (!declaration || !ts.isVariableDeclaration(declaration)) return []
    const initializer = declaration.initializer
    const literal = initializer && (ts.isAsExpression(initializer) ? initializer.expression : initializer)
    return literal && ts.isObjectLiteralExpression(literal) ? checker.getPropertiesOfType(checker.getTypeAtLocation(literal)) : []
  }
  return checker
    .getExportsOfModule(index)
    .flatMap((symbol) => describe(symbol, ''))
    .sort()
}

it('the public names are those of the committed list', () => {
  const names = `${publicNames().join('\n')}\n`
  if (process.env.UPDATE_SNAPSHOT) writeFileSync(path.join(root, snapshot), names)
  expect(names).toBe(read(snapshot))
}, 60_000)
