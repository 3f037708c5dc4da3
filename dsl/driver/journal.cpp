// A folder with a manifest and one file of arrays for each training. A file is complete before the manifest names it,
// and the one it replaces is removed after that.
#include "driver/journal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>

#include "base/error.hpp"
#include "store/atomic_file.hpp"
#include "store/safetensors.hpp"

namespace metac::dsl {
namespace {

constexpr const char* manifest_name = "run.json";
constexpr int version = 3;

bool is_state(const std::string& name) {
  static const std::regex form(R"(training-[0-9]+-(end|step-[0-9]+)\.safetensors)");
  return std::regex_match(name, form);
}

}  // namespace

Journal::Journal(std::filesystem::path folder, Protocol protocol, bool resume)
    : folder_(std::move(folder)), protocol_(std::move(protocol)), written_(std::chrono::steady_clock::now()) {
  std::error_code code;
  if (!resume) std::filesystem::create_directories(folder_, code);
  if (!resume && !std::filesystem::is_directory(folder_, code))
    throw Error(fmt::format("{} is no folder, and none could be made there", folder_.string()));
  if (std::filesystem::is_directory(folder_, code)) lock_.emplace(folder_);
  const bool there = std::filesystem::exists(folder_ / manifest_name, code);
  if (resume && !there)
    throw Error(fmt::format("{} holds no run to go on with: there is no `{}` in it", folder_.string(), manifest_name));
  if (!resume && there)
    throw Error(
        fmt::format("{} holds a run already: go on with it with `--resume`, or give another folder", folder_.string()));
  if (resume)
    read_manifest();
  else
    refuse_states();
  write_manifest();  // also where it is there: that it cannot be written is said now, not after the first minute
  if (resume) remove_strays();
}

void Journal::read_manifest() {
  const auto path = folder_ / manifest_name;
  try {
    std::ifstream file(path);
    if (!file) throw Error(fmt::format("{} cannot be read", path.string()));
    const auto manifest = nlohmann::json::parse(file);
    if (manifest.at("version").get<int>() != version)
      throw Error(fmt::format("{} was written by another version of metac", path.string()));
    const auto parts = manifest.at("protocol").get<std::map<std::string, std::string>>();
    for (const auto& [name, value] : protocol_.parts) {
      const auto found = parts.find(name);
      const std::string was = found == parts.end() ? "nothing" : found->second;
      if (was != value)
        throw Error(
            fmt::format("{} was written by another run: its {} was {}, now it is {}", path.string(), name, was, value));
    }
    for (const auto& [name, value] : parts)
      if (!protocol_.parts.contains(name))
        throw Error(
            fmt::format("{} was written by another run: its {} was {}, now there is none", path.string(), name, value));
    for (const auto& item : manifest.at("trainings")) {
      auto& entry = entries_.emplace_back(std::make_unique<JournalEntry>());
      entry->number = entries_.size() - 1;
      entry->known = !item.is_null();
      if (!entry->known) continue;
      entry->file = item.at("file").get<std::string>();
      entry->checksum = item.at("crc32").get<std::string>();
      entry->step = item.at("step").get<std::int64_t>();
      entry->done = item.at("done").get<bool>();
      entry->source = item.at("source").get<std::string>();
      entry->fingerprint = item.at("fingerprint").get<std::string>();
      if (!is_state(entry->file))
        throw Error(fmt::format("{} names a file that holds no state of a training: `{}`", path.string(), entry->file));
    }
  } catch (const nlohmann::json::exception& error) {
    throw Error(fmt::format("{} is damaged ({})", path.string(), error.what()));
  }
}

void Journal::write_manifest() const {
  nlohmann::ordered_json manifest{{"version", version}, {"protocol", protocol_.parts}};
  auto trainings = nlohmann::ordered_json::array();
  for (const auto& entry : entries_)
    trainings.push_back(entry->known ? nlohmann::ordered_json{{"file", entry->file},
                                                              {"crc32", entry->checksum},
                                                              {"step", entry->step},
                                                              {"done", entry->done},
                                                              {"source", entry->source},
                                                              {"fingerprint", entry->fingerprint}}
                                     : nlohmann::ordered_json());
  manifest["trainings"] = trainings;
  store::write_atomically(folder_ / manifest_name,
                          manifest.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

JournalEntry* Journal::next_training(const std::string& source, const std::string& fingerprint) {
  if (next_ == entries_.size()) {
    entries_.push_back(std::make_unique<JournalEntry>());
    entries_.back()->number = next_;
  }
  JournalEntry& entry = *entries_[next_++];
  if (entry.known && entry.fingerprint != fingerprint)
    throw Error(
        fmt::format("{}: training {} was on {} (fingerprint {}), now it is given {} (fingerprint {}): go on with the "
                    "data that the run was begun with, or begin another run in another folder",
                    folder_.string(), entry.number + 1, entry.source, entry.fingerprint, source, fingerprint));
  entry.source = source;
  entry.fingerprint = fingerprint;
  return &entry;
}

void Journal::restore(const JournalEntry& entry, TrainState& state) const {
  for (Value* tree : {&state.learner, &state.optimizer, &state.source, &state.best, &state.best_optimizer})
    *tree = without_values(*tree);
  const auto tensors = store::read_safetensors(folder_ / entry.file, entry.checksum);
  state.take(tensors.arrays, (folder_ / entry.file).string());
}

void Journal::restore_end(const JournalEntry& entry, Value& learner, Value& optimizer) const {
  learner = without_values(learner);
  optimizer = without_values(optimizer);
  const auto tensors = store::read_safetensors(folder_ / entry.file, entry.checksum);
  learner = taken(learner, "learner", tensors.arrays, (folder_ / entry.file).string());
  optimizer = taken(optimizer, "optimizer", tensors.arrays, (folder_ / entry.file).string());
}

void Journal::write(JournalEntry& entry, const std::vector<std::pair<std::string, Array>>& parts, std::int64_t step,
                    bool done) {
  const std::string old = entry.file;
  entry.file = fmt::format("training-{}-{}.safetensors", entry.number + 1, done ? "end" : fmt::format("step-{}", step));
  entry.checksum = store::write_safetensors(folder_ / entry.file, {parts, {}});
  entry.known = true;
  entry.step = step;
  entry.done = done;
  write_manifest();
  std::error_code code;
  if (!old.empty() && old != entry.file) std::filesystem::remove(folder_ / old, code);
  written_ = std::chrono::steady_clock::now();
}

void Journal::keep(JournalEntry& entry, const TrainState& state, bool now) {
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - written_).count();
  if (!now && seconds < interval) return;
  if (entry.known && entry.step == state.step) return;
  write(entry, state.list(), state.step, false);
}

void Journal::finish(JournalEntry& entry, const Value& learner, const Value& optimizer, std::int64_t step) {
  auto parts = parts_of("learner", learner);
  for (auto& part : parts_of("optimizer", optimizer)) parts.push_back(std::move(part));
  write(entry, parts, step, true);
}

// What a run whose manifest is gone has learned: a new one would write over it.
void Journal::refuse_states() const {
  std::error_code code;
  for (const auto& file : std::filesystem::directory_iterator(folder_, code))
    if (const std::string name = file.path().filename().string(); is_state(name))
      throw Error(fmt::format("{} holds a state of another run, `{}`, but no `{}`: give another folder",
                              folder_.string(), name, manifest_name));
}

// Only what a journal writes: the rest of the folder is the user's.
void Journal::remove_strays() const {
  std::error_code code;
  for (const auto& file : std::filesystem::directory_iterator(folder_, code)) {
    const std::string name = file.path().filename().string();
    const auto unfinished = store::file_of_temporary(name);
    const bool named = std::any_of(entries_.begin(), entries_.end(), [&](const auto& e) { return e->file == name; });
    if (unfinished ? is_state(*unfinished) || *unfinished == manifest_name : is_state(name) && !named)
      std::filesystem::remove(file.path(), code);
  }
}

}  // namespace metac::dsl
