// System software: which programs and libraries the build and the tests need, how to tell that they are there, and how to get them.
// Invariant: installs only by apt-get, only as root or through a sudo that asks nothing; otherwise says the exact command.
import { existsSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { onPath, run, SetupError, say, tail } from './util.mjs'

const oldestNode = [20, 19]

/** Throws where the running Node is older than the package's engines field allows. */
export function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1])) return
  throw new SetupError(`Node ${oldestNode.join('.')} or later is needed, this is ${process.version}`)
}

/** Whether the C++ compiler finds a header, with the flags pkg-config knows for `library`. */
function hasHeader(header, library) {
  const flags = run('pkg-config', ['--cflags', library])
  const compiler = process.env.CXX || 'c++'
  const command = `${compiler} ${flags.status === 0 ? flags.output.trim() : ''} -x c++ -fsyntax-only -`
  return run('sh', ['-c', command], { input: `#include <${header}>\n` }).status === 0
}

/** Whether some multiarch library folder has `relative`. */
function hasLibrary(relative) {
  const folders = ['/usr/lib', ...readdirSync('/usr/lib').map((name) => path.join('/usr/lib', name))]
  return folders.some((folder) => existsSync(path.join(folder, relative)))
}

// What the native build needs. `found` costs a process or two each, so it is asked only before a build.
const buildNeeds = [
  {
    what: 'a C++20 compiler',
    debian: 'build-essential',
    found: () => onPath((process.env.CXX || 'c++').split(' ')[0]) && onPath('make'),
  },
  { what: 'CMake 3.18 or later', debian: 'cmake', found: () => onPath('cmake') },
  { what: 'pkg-config', debian: 'pkg-config', found: () => onPath('pkg-config') },
  { what: 'OpenBLAS', debian: 'libopenblas-dev', found: () => hasHeader('cblas.h', 'openblas') },
  { what: 'Google Highway', debian: 'libhwy-dev', found: () => hasHeader('hwy/highway.h', 'libhwy') },
]

// What the tests need beside: the linters, and both variants of OpenBLAS, since a user may have either.
const testNeeds = [
  { what: 'clang-format', debian: 'clang-format', found: () => onPath('clang-format') },
  { what: 'clang-tidy', debian: 'clang-tidy', found: () => onPath('clang-tidy') },
  {
    what: 'OpenBLAS with pthreads',
    debian: 'libopenblas0-pthread',
    found: () => hasLibrary('openblas-pthread/libopenblas.so.0'),
  },
  { what: 'OpenBLAS with OpenMP', debian: 'libopenblas0-openmp', found: () => hasLibrary('openblas-openmp/libopenblas.so.0') },
]

/** The needs that are not met. */
function missing(needs) {
  return needs.filter((need) => !need.found())
}

/** Throws where something that the native build needs is missing, with the command that installs it. */
export function checkBuildNeeds() {
  const lacking = missing(buildNeeds)
  if (lacking.length > 0) throw new SetupError(advice(lacking))
}

function advice(lacking) {
  const names = lacking.map((need) => need.what).join(', ')
  const packages = lacking.map((need) => need.debian).join(' ')
  return `missing: ${names}\nOn Debian or Ubuntu run\n\n  sudo apt-get update && sudo apt-get install -y ${packages}\n\nand then the same command again.`
}

/** Installs what is missing of the needs of the build and, with `test`, of the tests. */
export function installSystem(test, buildIsCurrent = false) {
  const lacking = missing([...(buildIsCurrent ? [] : buildNeeds), ...(test ? testNeeds : [])])
  if (lacking.length === 0) return
  const prefix = rootPrefix()
  if (!onPath('apt-get') || !prefix) throw new SetupError(advice(lacking))
  const packages = lacking.map((need) => need.debian)
  say(`installing system packages: ${packages.join(' ')}`)
  const apt = ['env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-o', 'DPkg::Lock::Timeout=300']
  runAsRoot([...prefix, ...apt, 'update'])
  const installed = runAsRoot([...prefix, ...apt, 'install', '-y', '--no-install-recommends', ...packages])
  if (installed.status !== 0) throw new SetupError(`apt-get failed:\n${tail(installed.output, 20)}\n${advice(lacking)}`)
  const still = missing(lacking)
  if (still.length > 0) throw new SetupError(`apt-get succeeded, yet something is not found.\n${advice(still)}`)
}

function runAsRoot([command, ...args]) {
  return run(command, args, { cwd: '/' })
}

/** The words before a command that make it run as root, or undefined where that would ask for a password. */
function rootPrefix() {
  if (process.getuid?.() === 0) return []
  return run('sudo', ['-n', 'true']).status === 0 ? ['sudo', '-n'] : undefined
}
