// The public API as the TypeScript compiler sees it: the exports of lib/index.ts, and the members of what is exported.
import path from 'node:path'
import ts from 'typescript'
import { root } from './sources.js'

export interface CheckedIndex {
  readonly checker: ts.TypeChecker
  readonly index: ts.Symbol
}

/** lib/index.ts, type-checked. Takes a few seconds. */
export function checkedIndex(): CheckedIndex {
  const { config } = ts.readConfigFile(path.join(root, 'tsconfig.build.json'), ts.sys.readFile)
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root)
  const file = path.join(root, 'lib/index.ts')
  const program = ts.createProgram([file], { ...options, noEmit: true })
  const source = program.getSourceFile(file)
  const index = source && program.getTypeChecker().getSymbolAtLocation(source)
  if (!index) throw new Error('lib/index.ts exports nothing')
  return { checker: program.getTypeChecker(), index }
}

/** What an exported name stands for. */
export function targetOf({ checker }: CheckedIndex, symbol: ts.Symbol): ts.Symbol {
  return symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
}

/** Members of a namespace or of an object of functions such as `layers`; none for anything else. */
export function membersOf({ checker }: CheckedIndex, symbol: ts.Symbol): readonly ts.Symbol[] {
  if (symbol.flags & ts.SymbolFlags.ValueModule) return checker.getExportsOfModule(symbol)
  const declaration = symbol.valueDeclaration
  if (!declaration || !ts.isVariableDeclaration(declaration)) return []
  const initializer = declaration.initializer
  const literal = initializer && (ts.isAsExpression(initializer) ? initializer.expression : initializer)
  return literal && ts.isObjectLiteralExpression(literal) ? checker.getPropertiesOfType(checker.getTypeAtLocation(literal)) : []
}
