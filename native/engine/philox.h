// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011): a counter-based generator. Block number
// b of a key is four 32-bit words computed from (key, b) alone, so any thread can make any part of a stream.
#pragma once

#include <cstdint>

namespace steepest {

constexpr uint32_t kPhiloxMultiplier0 = 0xD2511F53, kPhiloxMultiplier1 = 0xCD9E8D57;
constexpr uint32_t kPhiloxWeyl0 = 0x9E3779B9, kPhiloxWeyl1 = 0xBB67AE85;
constexpr int kPhiloxRounds = 10;

struct PhiloxBlock {
  uint32_t word[4];
};

inline PhiloxBlock philox(uint32_t key0, uint32_t key1, uint64_t block) {
  uint32_t c0 = static_cast<uint32_t>(block), c1 = static_cast<uint32_t>(block >> 32), c2 = 0, c3 = 0;
  for (int round = 0; round < kPhiloxRounds; ++round) {
    const uint64_t p0 = static_cast<uint64_t>(kPhiloxMultiplier0) * c0, p1 = static_cast<uint64_t>(kPhiloxMultiplier1) * c2;
    c0 = static_cast<uint32_t>(p1 >> 32) ^ c1 ^ key0;
    c1 = static_cast<uint32_t>(p1);
    c2 = static_cast<uint32_t>(p0 >> 32) ^ c3 ^ key1;
    c3 = static_cast<uint32_t>(p0);
    key0 += kPhiloxWeyl0;
    key1 += kPhiloxWeyl1;
  }
  return {{c0, c1, c2, c3}};
}

// A generator's state as tensors hold it: int32 [key low, key high, counter low, counter high]; the counter is the number of the
// next block.
struct PhiloxState {
  uint32_t key0, key1;
  uint64_t counter;

  static PhiloxState read(const int32_t* state) {
    return {static_cast<uint32_t>(state[0]), static_cast<uint32_t>(state[1]),
            static_cast<uint64_t>(static_cast<uint32_t>(state[3])) << 32 | static_cast<uint32_t>(state[2])};
  }
  // Writes the counter back, `blocks` further.
  void advance(int32_t* state, int64_t blocks) const {
    const uint64_t next = counter + static_cast<uint64_t>(blocks);
    state[2] = static_cast<int32_t>(static_cast<uint32_t>(next));
    state[3] = static_cast<int32_t>(static_cast<uint32_t>(next >> 32));
  }
  PhiloxBlock block(int64_t i) const { return philox(key0, key1, counter + static_cast<uint64_t>(i)); }
};

}  // namespace steepest
