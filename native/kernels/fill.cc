// fill and arange: tensors from nothing.
//
// Also the pattern of every SIMD kernel file. The file is compiled once per instruction set: foreach_target.h includes it
// again with HWY_TARGET set, and everything between HWY_BEFORE_NAMESPACE and HWY_AFTER_NAMESPACE is compiled each time into a
// namespace of its own (HWY_NAMESPACE). What follows `#if HWY_ONCE` is compiled once: the dispatch table (HWY_EXPORT), the
// exported kernel that calls the best version for this CPU (HWY_DYNAMIC_DISPATCH), the twin, and the scratch function.
//   1. HWY_TARGET_INCLUDE is the path of this file as the include directories see it (native/ is one of them).
//   2. Headers with SIMD code end in -inl.h and have Highway's toggling include guard (see any in this folder or in Highway);
//      plain headers are included above foreach_target.h.
//   3. ScalableTag<float> picks the vector width; Lanes(d) is a run-time number. Unaligned loads (LoadU): buffers promise 16
//      bytes only. Tails: Lanes(d) elements at a time, then the rest one by one or with LoadTail and StoreTail (tail-inl.h;
//      Highway's own MaskedLoad is an aligned load of the whole vector on SSE4). Nothing past the count is read or written.
//   4. No static locals, no raw intrinsics; lambdas that use vectors carry HWY_ATTR. Arrays of vectors stay in registers only if
//      every loop over them is fully unrolled (check the disassembly).
//   5. A line in kernels.inc, the file in sources.txt, cases in test/native/cases/.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/fill.cc"

#include <algorithm>
#include <cstdint>

#include "engine/pool.h"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/arguments.h"

HWY_BEFORE_NAMESPACE();
namespace steepest {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <typename T>
void fillRange(T* dst, int64_t count, T value) {
  const hn::ScalableTag<T> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto v = hn::Set(d, value);
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) hn::StoreU(v, d, dst + i);
  for (; i < count; ++i) dst[i] = value;
}

template <typename T>
void fillAll(T* dst, int64_t count, double value) {
  const T element = static_cast<T>(value);
  parallelFor(ceilDivide(count, kChunkElements), [&](int64_t chunk) {
    const int64_t first = chunk * kChunkElements;
    fillRange(dst + first, std::min(kChunkElements, count - first), element);
  });
}

Status fill(const Row& row) {
  const int64_t count = row.integer(0);
  const double value = row.number(2);
  switch (static_cast<DType>(row.integer(1))) {
    case DType::float32:
      fillAll(row.buffer<float>(0), count, value);
      break;
    case DType::int32:
      fillAll(row.buffer<int32_t>(0), count, value);
      break;
    case DType::uint8:
    case DType::boolean:
      fillAll(row.buffer<uint8_t>(0), count, value);
      break;
    case DType::float64:
      fillAll(row.buffer<double>(0), count, value);
      break;
  }
  return {};
}

}  // namespace HWY_NAMESPACE
}  // namespace steepest
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace steepest {
namespace {

HWY_EXPORT(fill);

// The value as an element: integers saturate and NaN becomes 0, as in cast; booleans are 0 or 1.
bool fillArguments(const Row& row, double* value) {
  if (!accepts(row, 1, 3, 2) || !elementSize(row.integer(1))) return false;
  const double given = row.number(2);
  switch (static_cast<DType>(row.integer(1))) {
    case DType::int32:
      *value = isNan(given) ? 0 : std::clamp(std::trunc(given), -2147483648.0, 2147483647.0);
      break;
    case DType::uint8:
      *value = isNan(given) ? 0 : std::clamp(std::trunc(given), 0.0, 255.0);
      break;
    case DType::boolean:
      *value = given != 0;
      break;
    default:
      *value = given;
  }
  return true;
}

// value(i) for every element, in the row's dtype; float32 rows hold doubles in the twin.
template <typename F>
void store(const Row& row, DType dtype, const F& value) {
  const int64_t count = row.integer(0);
  for (int64_t i = 0; i < count; ++i) {
    switch (dtype) {
      case DType::float32:
        row.buffer<float>(0)[i] = static_cast<float>(value(i));
        break;
      case DType::int32:
        row.buffer<int32_t>(0)[i] = static_cast<int32_t>(value(i));
        break;
      case DType::float64:
        row.buffer<double>(0)[i] = value(i);
        break;
      default:
        row.buffer<uint8_t>(0)[i] = static_cast<uint8_t>(value(i));
    }
  }
}

DType twinType(const Row& row) {
  const auto dtype = static_cast<DType>(row.integer(1));
  return dtype == DType::float32 ? DType::float64 : dtype;
}

}  // namespace

// [dst] args [count, dtype, value]
Status fillFast(const Row& row) {
  double words[3];
  if (!fillArguments(row, &words[2])) return kBadRow;
  words[0] = row.number(0);
  words[1] = row.number(1);
  return HWY_DYNAMIC_DISPATCH(fill)({row.buffers, words, 1, 3});
}

Status fillTwin(const Row& row) {
  double value;
  if (!fillArguments(row, &value)) return kBadRow;
  store(row, twinType(row), [&](int64_t) { return value; });
  return {};
}

// [dst] args [count, dtype, start, step]: start + i * step, computed in double and rounded once.
Status arangeFast(const Row& row) {
  if (!accepts(row, 1, 4, 2) || !elementSize(row.integer(1))) return kBadRow;
  store(row, static_cast<DType>(row.integer(1)),
        [&](int64_t i) { return row.number(2) + static_cast<double>(i) * row.number(3); });
  return {};
}

Status arangeTwin(const Row& row) {
  if (!accepts(row, 1, 4, 2) || !elementSize(row.integer(1))) return kBadRow;
  store(row, twinType(row), [&](int64_t i) { return row.number(2) + static_cast<double>(i) * row.number(3); });
  return {};
}

}  // namespace steepest
#endif  // HWY_ONCE
