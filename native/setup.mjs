// Sets up everything a checkout needs, and only what is missing: system packages, npm packages, the native core, dist/.
// Plain Node without dependencies, since it runs before `npm ci`. Invariant: a second run finds all in place and takes under a second.
//
//   node native/setup.mjs          what `npm start` and the examples need
//   node native/setup.mjs --test   also the tools that `npm test` needs
import { buildNative, nativeIsCurrent } from './setup/native.mjs'
import { installPackages } from './setup/packages.mjs'
import { checkNode, installSystem } from './setup/system.mjs'
import { compileLibrary } from './setup/typescript.mjs'
import { root, runSetup } from './setup/util.mjs'

runSetup(() => {
  checkNode()
  installSystem(process.argv.includes('--test'), nativeIsCurrent())
  installPackages(root)
  buildNative()
  compileLibrary()
})
