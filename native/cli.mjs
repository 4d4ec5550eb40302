#!/usr/bin/env node
// The command `steepest`: builds the native core of an installed package, and says what it found.
// Invariant: it installs nothing; what is missing is named together with the command that installs it.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { buildNative, nativeIsCurrent } from './setup/native.mjs'
import { checkBuildNeeds, checkNode } from './setup/system.mjs'
import { root, runSetup, SetupError } from './setup/util.mjs'

const usage = `usage: npx steepest <command>

  build   compile the native core (needs a C++20 compiler, CMake, pkg-config, OpenBLAS and Google Highway)
  info    print versions, the instruction set in use, threads and the BLAS library as JSON`

function build() {
  checkNode()
  if (!nativeIsCurrent()) checkBuildNeeds()
  buildNative()
  console.log('the native core is built')
}

function info() {
  const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'))
  const addon = loadAddon()
  const platform = `${process.platform}-${process.arch}`
  console.log(JSON.stringify({ steepest: version, node: process.version, platform, ...addon.info() }, null, 2))
}

function loadAddon() {
  try {
    return createRequire(import.meta.url)('../build/Release/steepest.node')
  } catch (error) {
    throw new SetupError(`the native core cannot be loaded (${error.message.split('\n')[0]}); build it with npx steepest build`)
  }
}

const command = { build, info }[process.argv[2] ?? '']
if (command) {
  runSetup(command)
} else {
  console.error(usage)
  process.exit(process.argv[2] === '--help' ? 0 : 2)
}
