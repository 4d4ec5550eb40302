// A program: rows decoded once and replayed in order, with every buffer named by where it lies in memory.
//
// The first rows may be prepared ones: what they read is state that the program does not write, and their results are kept. A run
// whose state is that of the last one begins behind them.
//
// Invariant: a run that fails leaves every variable as it was. Rows that can fail come before the optimizer's; what earlier rows
// write (random counters, running statistics) is copied aside first and put back.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "engine/red_zones.h"
#include "kernel.h"

namespace steepest {

// When to give up: between two repeats, or between two rows (the environment ends: what it was to return is gone,
// and variables that other threads opened are left half updated).
enum class Stop : int { no = 0, betweenRuns = 1, betweenRows = 2 };

struct Outcome {
  Status status;
  int64_t row = 0;      // the row that failed
  int64_t repeats = 0;  // runs completed
};

class Program {
 public:
  // Decodes [rows, bindings, backups, backup offset, guarded rows, slots, arena bytes, prepared rows, (address, bytes) per
  // backup, (offset, bytes, first row, last row) per slot of the arena, rows...]. A row is [kernel id, twin, buffer count,
  // argument count, (base, offset) per buffer, arguments...]; base -1 is an absolute address, 0 the arena, k > 0 binding k. Null
  // if the words are malformed.
  static std::unique_ptr<Program> decode(const double* words, int64_t count);

  int64_t bindingCount() const { return static_cast<int64_t>(bases_.size()); }
  int64_t rowCount() const { return static_cast<int64_t>(rows_.size()); }

  // Runs all rows `repeats` times. `bindings[0]` is the arena. `version`, not negative, is another one whenever what prepared
  // rows read was written. `nanoseconds`, unless null, gains the time of each row. Not to be called by two threads at once.
  Outcome run(void* const* bindings, double version, int64_t repeats, const std::atomic<Stop>& stop, double* nanoseconds);

 private:
  struct Entry {
    const Kernel* kernel;
    bool twin;
    Row row;
  };
  struct Patch {
    int64_t pointer;
    int64_t base;
    int64_t offset;
  };
  struct Backup {
    void* memory;
    int64_t bytes;
  };

  bool decodeRow(const double*& words, const double* end);
  void link();
  void prepare();
  void bind(void* const* bindings);
  int64_t firstRow(double version) const;
  Status runRows(int64_t first, const RedZones& zones, const std::atomic<Stop>& stop, double* nanoseconds, int64_t* failed);
  void save();
  void restore();

  std::vector<Entry> rows_;
  std::unique_ptr<std::byte[]> prepared_;  // of all rows that have something to prepare
  std::vector<void*> pointers_;            // of all rows, one after the other
  std::vector<double> arguments_;          // likewise
  std::vector<Patch> patches_;             // pointers that follow a binding
  std::vector<void*> bases_;               // the bindings that the pointers hold now
  std::vector<Backup> backups_;
  std::vector<Slot> slots_;  // for RedZones
  int64_t arenaBytes_ = 0;
  int64_t backupOffset_ = 0;
  int64_t guardedRows_ = 0;
  int64_t preparedRows_ = 0;
  double preparedVersion_ = -1;       // of the state that their results are of; -1: there are none
  int64_t preparedInstructions_ = 0;  // the instruction set that they were computed with
};

}  // namespace steepest
