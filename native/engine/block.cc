// One lock guards all counts and the table of names: variables come and go rarely.
#include "engine/block.h"

#include <mutex>
#include <random>
#include <unordered_map>

#include "engine/arena.h"

namespace steepest {
namespace {

std::mutex lock;

std::unordered_map<double, Block*>& published() {
  static auto* const table = new std::unordered_map<double, Block*>();  // outlives every thread that ends late
  return *table;
}

// A name that is not in use.
double newName() {
  static std::mt19937_64 generator([] {
    std::random_device device;
    return (uint64_t{device()} << 32) | device();
  }());
  double name = 0;
  while (name == 0 || published().count(name) > 0) name = static_cast<double>(generator() >> 11);
  return name;
}

}  // namespace

Block* makeBlock(int64_t bytes) {
  void* const memory = allocateMemory(bytes);
  return memory ? new Block{memory, bytes, 1, 0} : nullptr;
}

double publishBlock(Block* block) {
  const std::lock_guard<std::mutex> guard(lock);
  if (block->name == 0) {
    block->name = newName();
    published()[block->name] = block;
  }
  return block->name;
}

Block* holdBlock(double name, int64_t bytes) {
  const std::lock_guard<std::mutex> guard(lock);
  const auto found = published().find(name);
  if (found == published().end() || found->second->bytes != bytes) return nullptr;
  ++found->second->holders;
  return found->second;
}

void dropBlock(Block* block) {
  {
    const std::lock_guard<std::mutex> guard(lock);
    if (--block->holders > 0) return;
    if (block->name != 0) published().erase(block->name);
  }
  releaseMemory(block->memory, block->bytes);
  delete block;
}

}  // namespace steepest
