// Blocks of native memory with several holders, in whatever threads these are. A block that was published can be found by its
// name, a number that no other block of this or another process is likely to have.
//
// Invariant: a block's memory stays where it is until the last holder has let go; then its name finds nothing.
#pragma once

#include <cstdint>

namespace steepest {

struct Block {
  void* memory;
  int64_t bytes;
  int64_t holders;
  double name;  // 0: not published
};

// A block of zeroed memory with one holder, or null if the system has no room.
Block* makeBlock(int64_t bytes);
// The name of the block, given at the first call: an integer from 1 to 2^53 - 1.
double publishBlock(Block* block);
// The block of that name and exactly that size, with one more holder; null if there is none.
Block* holdBlock(double name, int64_t bytes);
// One holder lets go.
void dropBlock(Block* block);

}  // namespace steepest
