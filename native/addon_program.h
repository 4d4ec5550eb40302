// Programs for JavaScript: creation, runs on the calling thread, and runs on the engine's thread of the environment.
#pragma once

#include <napi.h>

namespace steepest {

// Adds createProgram, runProgram, startProgram, stopProgram and onProgramEnd to the exports.
void exportPrograms(Napi::Env env, Napi::Object exports);

}  // namespace steepest
