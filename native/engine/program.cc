// Decoding and replay of programs.
#include "engine/program.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>

#include "engine/cpu.h"
#include "engine/dispatch.h"
#include "engine/isa.h"

namespace steepest {
namespace {

constexpr int64_t kMaxWord = int64_t{1} << 53;
constexpr int64_t kHeader = 8;
constexpr int64_t kSlotWords = 4;
constexpr int64_t kRowHeader = 4;

bool isCount(double word, int64_t limit) { return word >= 0 && word <= static_cast<double>(limit) && word == std::trunc(word); }

void* toPointer(double word) { return reinterpret_cast<void*>(static_cast<uintptr_t>(word)); }

double now() {
  return static_cast<double>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()).count());
}

// Twins are float64 references and keep denormals, as in eager calls.
Status runTwin(const Kernel& kernel, const Row& row) {
  if (!kernel.twin) return {StatusCode::unsupported};
  const uint64_t mode = readFloatMode();
  writeFloatMode(mode & ~kFlushBits);
  const Status status = kernel.twin(row);
  writeFloatMode(mode);
  return status;
}

}  // namespace

std::unique_ptr<Program> Program::decode(const double* words, int64_t count) {
  const double* const end = words + count;
  if (count < kHeader || !isCount(words[0], count) || !isCount(words[1], count) || !isCount(words[2], count)) return nullptr;
  if (!isCount(words[3], kMaxWord) || !isCount(words[4], count)) return nullptr;
  if (!isCount(words[5], count) || !isCount(words[6], kMaxWord)) return nullptr;
  if (!isCount(words[7], static_cast<int64_t>(words[0]))) return nullptr;
  auto program = std::make_unique<Program>();
  const auto rows = static_cast<int64_t>(words[0]), backups = static_cast<int64_t>(words[2]);
  const auto slots = static_cast<int64_t>(words[5]);
  program->bases_.assign(static_cast<size_t>(words[1]) + 1, nullptr);
  program->backupOffset_ = static_cast<int64_t>(words[3]);
  program->guardedRows_ = static_cast<int64_t>(words[4]);
  program->arenaBytes_ = static_cast<int64_t>(words[6]);
  program->preparedRows_ = static_cast<int64_t>(words[7]);
  words += kHeader;
  for (int64_t i = 0; i < backups; ++i, words += 2) {
    if (end - words < 2 || !isCount(words[0], kMaxWord) || !isCount(words[1], kMaxWord)) return nullptr;
    program->backups_.push_back({toPointer(words[0]), static_cast<int64_t>(words[1])});
  }
  for (int64_t i = 0; i < slots; ++i, words += kSlotWords) {
    if (end - words < kSlotWords ||
        !std::all_of(words, words + kSlotWords, [](double word) { return isCount(word, kMaxWord); })) {
      return nullptr;
    }
    const auto word = [&](int64_t k) { return static_cast<int64_t>(words[k]); };
    program->slots_.push_back({word(0), word(1), word(2), word(3)});
  }
  for (int64_t i = 0; i < rows; ++i) {
    if (!program->decodeRow(words, end)) return nullptr;
  }
  if (words != end) return nullptr;
  program->link();
  program->prepare();
  return program;
}

bool Program::decodeRow(const double*& words, const double* end) {
  int64_t kernels = 0;
  const Kernel* const table = kernelTable(&kernels);
  if (end - words < kRowHeader || !isCount(words[0], kernels - 1) || !isCount(words[1], 1) || !isCount(words[2], kMaxBuffers) ||
      !isCount(words[3], kMaxRowWords)) {
    return false;
  }
  const auto buffers = static_cast<int64_t>(words[2]), arguments = static_cast<int64_t>(words[3]);
  if (end - words < kRowHeader + 2 * buffers + arguments) return false;
  rows_.push_back({table + static_cast<int64_t>(words[0]), words[1] != 0, {nullptr, nullptr, buffers, arguments}});
  words += kRowHeader;
  for (int64_t i = 0; i < buffers; ++i, words += 2) {
    const double base = words[0], offset = words[1];
    if (!(base == -1 || isCount(base, bindingCount() - 1)) || !(offset >= 0 && offset <= static_cast<double>(kMaxWord)))
      return false;
    if (base >= 0)
      patches_.push_back({static_cast<int64_t>(pointers_.size()), static_cast<int64_t>(base), static_cast<int64_t>(offset)});
    pointers_.push_back(base >= 0 ? nullptr : toPointer(offset));
  }
  arguments_.insert(arguments_.end(), words, words + arguments);
  words += arguments;
  return true;
}

// Points the rows at their parts of the two vectors, which have stopped growing.
void Program::link() {
  void* const* pointers = pointers_.data();
  const double* arguments = arguments_.data();
  for (Entry& entry : rows_) {
    entry.row.buffers = pointers;
    entry.row.arguments = arguments;
    pointers += entry.row.bufferCount;
    arguments += entry.row.argumentCount;
  }
}

// Has kernels work out once what follows from a row's arguments.
void Program::prepare() {
  constexpr int64_t kLine = 64;
  const auto preparedBytes = [](const Entry& entry) {
    const int64_t bytes = entry.kernel->prepare && !entry.twin ? entry.kernel->prepare(entry.row, nullptr) : 0;
    return (bytes + kLine - 1) / kLine * kLine;
  };
  int64_t total = 0;
  for (const Entry& entry : rows_) total += preparedBytes(entry);
  prepared_ = std::make_unique<std::byte[]>(static_cast<size_t>(total + kLine));
  auto* at = prepared_.get() + (kLine - reinterpret_cast<uintptr_t>(prepared_.get()) % kLine);
  for (Entry& entry : rows_) {
    const int64_t bytes = preparedBytes(entry);
    if (bytes > 0 && entry.kernel->prepare(entry.row, at) > 0) entry.row.prepared = at;
    at += bytes;
  }
}

void Program::bind(void* const* bindings) {
  bool changed = false;
  for (size_t i = 0; i < bases_.size(); ++i) changed |= bases_[i] != bindings[i];
  if (!changed) return;
  bases_.assign(bindings, bindings + bases_.size());
  for (const Patch& patch : patches_) pointers_[patch.pointer] = static_cast<char*>(bases_[patch.base]) + patch.offset;
}

void Program::save() {
  char* aside = static_cast<char*>(bases_[0]) + backupOffset_;
  for (const Backup& backup : backups_) {
    std::memcpy(aside, backup.memory, backup.bytes);
    aside += backup.bytes;
  }
}

void Program::restore() {
  const char* aside = static_cast<const char*>(bases_[0]) + backupOffset_;
  for (const Backup& backup : backups_) {
    std::memcpy(backup.memory, aside, backup.bytes);
    aside += backup.bytes;
  }
}

int64_t Program::firstRow(double version) const {
  return preparedVersion_ == version && preparedInstructions_ == instructionSetCode() ? preparedRows_ : 0;
}

Status Program::runRows(int64_t first, const RedZones& zones, const std::atomic<Stop>& stop, double* nanoseconds,
                        int64_t* failed) {
  double before = nanoseconds ? now() : 0;
  for (auto i = static_cast<size_t>(first); i < rows_.size(); ++i) {
    const Entry& entry = rows_[i];
    zones.beforeRow(static_cast<int64_t>(i));
    const Status status = entry.twin ? runTwin(*entry.kernel, entry.row) : entry.kernel->fast(entry.row);
    zones.afterRow(static_cast<int64_t>(i));
    if (status.code != StatusCode::ok || stop.load(std::memory_order_relaxed) == Stop::betweenRows) {
      *failed = static_cast<int64_t>(i);
      return declared(*entry.kernel, status);
    }
    if (nanoseconds) {
      const double after = now();
      nanoseconds[i] += after - before;
      before = after;
    }
  }
  return {};
}

Outcome Program::run(void* const* bindings, double version, int64_t repeats, const std::atomic<Stop>& stop, double* nanoseconds) {
  bind(bindings);
  const FlushDenormals flush;
  const RedZones zones(slots_, bases_[0], arenaBytes_);
  Outcome outcome;
  while (outcome.repeats < repeats && stop.load(std::memory_order_relaxed) == Stop::no) {
    zones.beforeRun();
    save();
    const int64_t first = firstRow(version);
    if (first < preparedRows_) preparedVersion_ = -1;
    outcome.status = runRows(first, zones, stop, nanoseconds, &outcome.row);
    if (outcome.status.code != StatusCode::ok) {
      // A row past the guarded ones cannot fail on its data: only a malformed row does, and that fails before it writes.
      if (outcome.row < guardedRows_) restore();
      break;
    }
    preparedVersion_ = version;
    preparedInstructions_ = instructionSetCode();
    ++outcome.repeats;
  }
  return outcome;
}

}  // namespace steepest
