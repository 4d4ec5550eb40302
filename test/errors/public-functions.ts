// Every public function that takes arguments, by the name that the tables of bad input use: functions, members of namespaces, constructors,
// and methods of exported classes, each under the class that declares it.
import ts from 'typescript'
import * as st from '../../lib/index.js'
import { type CheckedIndex, checkedIndex, membersOf, targetOf } from '../project/checker.js'

const hidden = ts.ModifierFlags.Private | ts.ModifierFlags.Protected

function isInternal(symbol: ts.Symbol): boolean {
  return symbol.getJsDocTags().some((tag) => tag.name === 'internal')
}

function takesArguments({ checker }: CheckedIndex, symbol: ts.Symbol): boolean {
  const type = checker.getNonNullableType(checker.getTypeOfSymbol(symbol))
  return type.getCallSignatures().some((signature) => signature.parameters.length > 0)
}

/** Methods that the class itself declares; an override stands under the class that it overrides. */
function methodsOf(api: CheckedIndex, type: ts.Symbol, name: string): string[] {
  const instance = api.checker.getDeclaredTypeOfSymbol(type)
  const inherited = new Set(
    (instance.getBaseTypes() ?? []).flatMap((base) => base.getProperties().map((property) => property.name)),
  )
  const own = [...(type.members?.values() ?? []), ...(type.exports?.values() ?? [])]
  return own
    .filter((member) => !inherited.has(member.name) && !member.name.startsWith('__') && !isInternal(member))
    .filter((member) => member.declarations?.every((node) => !(ts.getCombinedModifierFlags(node) & hidden)))
    .filter((member) => !member.declarations?.some((node) => ts.isPrivateIdentifier(ts.getNameOfDeclaration(node) ?? node)))
    .filter((member) => member.flags & ts.SymbolFlags.Method && takesArguments(api, member))
    .map((member) => `${name}.${member.name}`)
}

/** The constructor, where one can call it. */
function constructorOf({ checker }: CheckedIndex, type: ts.Symbol, name: string): string[] {
  const isAbstract = type.declarations?.some((node) => ts.getCombinedModifierFlags(node) & ts.ModifierFlags.Abstract)
  const signatures = checker.getTypeOfSymbol(type).getConstructSignatures()
  return !isAbstract && signatures.some(({ parameters }) => parameters.length > 0) ? [`new ${name}`] : []
}

function functionsOf(api: CheckedIndex, symbol: ts.Symbol, name: string): string[] {
  const target = targetOf(api, symbol)
  if (isInternal(target)) return []
  if (target.flags & ts.SymbolFlags.Class) return [...constructorOf(api, target, name), ...methodsOf(api, target, name)]
  const members = membersOf(api, target)
  if (members.length > 0) return members.flatMap((member) => functionsOf(api, member, `${name}.${member.name}`))
  return target.flags & ts.SymbolFlags.Value && takesArguments(api, target) ? [name] : []
}

/** Their names, sorted. Names that exist as types only are left out. */
export function publicFunctions(): string[] {
  const api = checkedIndex()
  return api.checker
    .getExportsOfModule(api.index)
    .filter(({ name }) => name in st)
    .flatMap((symbol) => functionsOf(api, symbol, symbol.name))
    .sort()
}
