// What a run keeps on disk, so that it can go on after a kill to the same bits: the state of each training, in order. A
// resumed run executes its script again from the start; trainings that the journal holds are not repeated, and all that
// lies between them gives what it gave before.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "driver/state.hpp"
#include "store/folder_lock.hpp"

namespace metac::dsl {

// One training of the run.
struct JournalEntry {
  std::size_t number = 0;
  bool known = false;  // there is a state of it
  bool done = false;   // and it is the last one
  std::int64_t step = 0;
  std::string file;
  std::string checksum;     // of the file's data
  std::string source;       // what is learned from and validated on, in words
  std::string fingerprint;  // and by what it holds
};

class Journal {
 public:
  struct Protocol {                            // what a run is: another one cannot go on from here
    std::map<std::string, std::string> parts;  // "script", "seed", "set iterations", ...
  };

  // Opens a folder, making it if it is missing. `resume` reads what is there: Error if there is nothing, if it is
  // damaged, or if it was written by a run of another protocol (which part differs). Else the folder must hold no run,
  // nor states of one. Error, too, if the folder cannot be written, or another run is writing to it.
  Journal(std::filesystem::path folder, Protocol, bool resume);

  // Error if the folder has a state of it that was made of something else.
  JournalEntry* next_training(const std::string& source, const std::string& fingerprint);
  // Fills a state of the right form, whose values are given up first: the two are never held at once. Error naming the
  // leaves that differ where the file is of another model; the state then has no values.
  void restore(const JournalEntry&, TrainState&) const;
  void restore_end(const JournalEntry&, Value& learner, Value& optimizer) const;

  // Writes the state now, or if the last time is long enough ago.
  void keep(JournalEntry&, const TrainState&, bool now);
  void finish(JournalEntry&, const Value& learner, const Value& optimizer, std::int64_t step);

  // Seconds between two states of one training.
  double interval = 60;

 private:
  void write(JournalEntry&, const std::vector<std::pair<std::string, Array>>& parts, std::int64_t step, bool done);
  void write_manifest() const;
  void read_manifest();
  void refuse_states() const;
  void remove_strays() const;  // files that a kill left behind

  std::filesystem::path folder_;
  std::optional<store::FolderLock> lock_;
  Protocol protocol_;
  std::vector<std::unique_ptr<JournalEntry>> entries_;
  std::size_t next_ = 0;
  std::chrono::steady_clock::time_point written_;
};

}  // namespace metac::dsl
