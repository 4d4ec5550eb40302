// What the files of the Node-API surface share: errors for wrong arguments, and the parts that addon.cc puts together.
#pragma once

#include <napi.h>

#include <string>

namespace steepest {

inline Napi::Value typeError(const Napi::CallbackInfo& info, const char* message) {
  Napi::TypeError::New(info.Env(), message).ThrowAsJavaScriptException();
  return info.Env().Undefined();
}

inline Napi::Value rangeError(const Napi::CallbackInfo& info, const std::string& message) {
  Napi::RangeError::New(info.Env(), message).ThrowAsJavaScriptException();
  return info.Env().Undefined();
}

inline double numberOr(Napi::Value value, double otherwise) {
  return value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : otherwise;
}

// Native memory: adds allocate, share, open, release, address, copyIn and copyOut to the exports.
void exportMemory(Napi::Env env, Napi::Object exports);

// Programs: creation, runs on the calling thread, and runs on the engine's thread of the environment. Adds createProgram,
// runProgram, startProgram, stopProgram and onProgramEnd to the exports.
void exportPrograms(Napi::Env env, Napi::Object exports);

}  // namespace steepest
