// The instruction sets that the kernels are compiled for, and the choice among them.
#pragma once

#include <string>
#include <vector>

namespace steepest {

// Null if this CPU has the instructions that the whole addon is compiled with, else a message that names what is missing.
const char* missingBaseline();
// Instruction sets of this build that this CPU has, best first: avx512, avx2, sse4 on x86-64, neon on ARM.
std::vector<std::string> instructionSets();
// The one that the kernels use now.
std::string instructionSet();
// A number that tells it from the others.
int64_t instructionSetCode();
// Makes every kernel of the process use `name`; false if this CPU or build does not have it. For tests and for STEEPEST_ISA:
// not to be called while a kernel runs.
bool setInstructionSet(const std::string& name);

}  // namespace steepest
