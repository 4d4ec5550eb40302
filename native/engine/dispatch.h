// Rows in, kernels out: the table of kernels and the one function that runs an encoded row.
#pragma once

#include <cstdint>

#include "kernel.h"

namespace steepest {

// All kernels; a kernel's id is its position. The table comes from kernels/kernels.inc.
const Kernel* kernelTable(int64_t* count);
// Names of the pointwise interpreter's instructions; an opcode is a position. From kernels/instructions.inc.
const char* const* instructionTable(int64_t* count);

// The status of a kernel that has run, or `undeclared` where it refused its data without being declared as one that may.
Status declared(const Kernel& kernel, Status status);

// Runs the row [kernel id, mode (0 fast, 1 float64 twin), buffer count, argument count, addresses..., arguments...].
// `capacity` is how many words may be read. A malformed header gives badRow and runs nothing.
Status runRow(const double* words, int64_t capacity);
// Scratch bytes that the row needs (its addresses are not looked at), or -1 if the row is malformed.
int64_t scratchBytes(const double* words, int64_t capacity);

}  // namespace steepest
