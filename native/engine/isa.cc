// Instruction set choice through Highway's run-time dispatch.
#include "engine/isa.h"

#include "hwy/highway.h"

namespace steepest {
namespace {

std::string nameOf(int64_t target) {
#if HWY_ARCH_X86
  if (target == HWY_AVX3) return "avx512";
#endif
  std::string name = hwy::TargetName(target);
  for (char& c : name) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return name;
}

// Read once, before anything is forced: forcing changes what Highway reports.
const std::vector<int64_t>& detected() {
  static const std::vector<int64_t> targets = hwy::SupportedAndGeneratedTargets();
  return targets;
}

}  // namespace

const char* missingBaseline() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("sse4.2") || !__builtin_cpu_supports("aes") || !__builtin_cpu_supports("pclmul")) {
    return "steepest needs a CPU with SSE4.2, AES and PCLMUL (x86-64 processors since 2010); this one lacks them";
  }
#endif
  return nullptr;
}

std::vector<std::string> instructionSets() {
  std::vector<std::string> names;
  for (const int64_t target : detected()) names.push_back(nameOf(target));
  return names;
}

std::string instructionSet() {
  detected();
  const std::vector<int64_t> now = hwy::SupportedAndGeneratedTargets();
  return now.empty() ? nameOf(HWY_STATIC_TARGET) : nameOf(now.front());
}

int64_t instructionSetCode() { return static_cast<int64_t>(hwy::GetChosenTarget().GetIndex()); }

bool setInstructionSet(const std::string& name) {
  for (const int64_t target : detected()) {
    if (nameOf(target) != name) continue;
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    return true;
  }
  return false;
}

}  // namespace steepest
