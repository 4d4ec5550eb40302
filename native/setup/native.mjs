// The native core: build/Release/steepest.node, compiled by cmake-js from CMakeLists.txt and native/sources.txt.
// Invariant: the stamp beside the build is the hash of everything it was made from; equal stamp, no build. Nothing is downloaded:
// the Node-API headers come from the npm package node-api-headers.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import { contentHash, filesUnder, readText, root, run, SetupError, say, tail, writeStamp } from './util.mjs'

const addon = 'build/Release/steepest.node'
const stamp = 'build/steepest.stamp'
const log = 'build/steepest.log'

/** Whether the addon is there and was made from the present sources. */
export function nativeIsCurrent() {
  return existsSync(path.join(root, addon)) && readText(stamp) === sourceHash()
}

/** Builds the addon where it is missing or older than its sources. */
export function buildNative() {
  if (nativeIsCurrent()) return
  const jobs = parallelJobs()
  say(`building the native core on ${jobs} core${jobs === 1 ? '' : 's'} (a few minutes the first time)`)
  dropForeignBuild()
  const hash = sourceHash()
  const result = run(process.execPath, [cmakeJs(), 'build', '--parallel', String(jobs)])
  mkdirSync(path.join(root, 'build'), { recursive: true })
  writeFileSync(path.join(root, log), result.output)
  if (result.status !== 0 || !existsSync(path.join(root, addon))) {
    // A failed configuration must not be remembered: the next run looks for the libraries again.
    rmSync(path.join(root, 'build/CMakeCache.txt'), { force: true })
    throw new SetupError(`the native build failed (whole output in ${log}):\n${tail(result.output)}`)
  }
  writeStamp(stamp, hash)
}

function sourceHash() {
  const sources = filesUnder('native', (file) => /\.(cc|h|inc|txt)$/.test(file))
  const flags = ['CC', 'CXX', 'CFLAGS', 'CXXFLAGS', 'LDFLAGS'].map((name) => `${name}=${process.env[name] ?? ''}`)
  return contentHash(['CMakeLists.txt', ...sources], [process.platform, process.arch, ...flags])
}

// Each compiler process of a kernel file, which holds every instruction set, takes up to about 1 GiB.
function parallelJobs() {
  return Math.max(1, Math.min(os.availableParallelism(), Math.floor(os.totalmem() / 2 ** 30)))
}

// A build folder that was configured elsewhere (a copied or moved checkout) cannot be continued.
function dropForeignBuild() {
  const cache = path.join(root, 'build/CMakeCache.txt')
  if (!existsSync(cache)) return
  const home = /^CMAKE_HOME_DIRECTORY:INTERNAL=(.*)$/m.exec(readFileSync(cache, 'utf8'))?.[1]
  if (home !== root) rmSync(path.join(root, 'build'), { recursive: true, force: true })
}

function cmakeJs() {
  const require = createRequire(path.join(root, 'package.json'))
  try {
    return path.join(path.dirname(require.resolve('cmake-js/package.json')), 'bin/cmake-js')
  } catch {
    throw new SetupError('the npm package cmake-js is not installed; run npm install')
  }
}
