// Runs one program of examples/ or bench/:  node native/setup/run.mjs examples|bench [name] [arguments...]
// Without a name it runs bench/run.ts, or lists the programs of examples/; with an unknown one it lists them; with --help it says what the
// program is for and takes. They import the built package by its own name.
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { compilePrograms } from './typescript.mjs'
import { filesUnder, readText, root, runSetup, SetupError } from './util.mjs'

const [folder, ...rest] = process.argv.slice(2)
// The benchmark without a name is all of it.
const unnamed = folder === 'bench' && (rest[0] ?? '-').startsWith('-')
const [name, ...args] = unnamed ? ['run', ...rest] : rest

/** The names of the folder's programs, each with the first line of its head comment. */
function programs() {
  return filesUnder(folder, (file) => path.dirname(file) === folder && file.endsWith('.ts')).map((file) => {
    const about = /^\/\/\s*(.*)$/m.exec(readText(file) ?? '')?.[1] ?? ''
    return { name: path.basename(file, '.ts'), about }
  })
}

/** The head comment of a program. */
const headOf = (program) =>
  /^(?:\/\/.*\n)+/.exec(readText(path.join(folder, `${program}.ts`)))?.[0].replace(/^\/\/ ?/gm, '') ?? ''

runSetup(() => {
  const known = programs()
  if (!known.some((program) => program.name === name)) {
    const list = known.map((program) => `  ${program.name.padEnd(24)} ${program.about}`).join('\n')
    throw new SetupError(`${name ? `no program '${name}' in ${folder}/` : `name a program of ${folder}/`}:\n${list}`)
  }
  if (args.includes('--help')) {
    console.log(headOf(name))
    return
  }
  compilePrograms()
  const program = path.join(root, '.cache/js', folder, `${name}.js`)
  const result = spawnSync(process.execPath, ['--enable-source-maps', program, ...args], { stdio: 'inherit' })
  process.exitCode = result.status ?? 1
})
