// Reading the project's own sources, for the tests that hold its rules. Paths are relative to the package and use '/'.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..')

/** The files under `folders` (those that exist) whose name ends with one of `endings`, sorted. */
export function filesUnder(folders: readonly string[], endings: readonly string[]): string[] {
  return folders
    .flatMap((folder) => list(folder))
    .filter((file) => endings.some((ending) => file.endsWith(ending)))
    .sort()
}

function list(folder: string): string[] {
  if (!existsSync(path.join(root, folder))) return []
  return readdirSync(path.join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const file = `${folder}/${entry.name}`
    return entry.isDirectory() ? list(file) : [file]
  })
}

export const read = (file: string): string => readFileSync(path.join(root, file), 'utf8')

export interface Import {
  /** The imported file relative to the package, or the name of a package or Node module. */
  readonly target: string
  /** The import leaves no trace in the compiled file. */
  readonly typeOnly: boolean
}

/** What a TypeScript file imports or re-exports. */
export function importsOf(file: string): Import[] {
  return parse(file).statements.flatMap((statement) => {
    if (!ts.isImportDeclaration(statement) && !ts.isExportDeclaration(statement)) return []
    const from = statement.moduleSpecifier
    if (!from || !ts.isStringLiteral(from)) return []
    const typeOnly = ts.isImportDeclaration(statement) ? (statement.importClause?.isTypeOnly ?? false) : statement.isTypeOnly
    return [{ target: resolve(file, from.text), typeOnly }]
  })
}

export function parse(file: string): ts.SourceFile {
  return ts.createSourceFile(file, read(file), ts.ScriptTarget.ES2022, true)
}

function resolve(file: string, specifier: string): string {
  if (!specifier.startsWith('.')) return specifier
  return path.posix.join(path.posix.dirname(file), specifier).replace(/\.js$/, '.ts')
}
