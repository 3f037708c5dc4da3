// What a run keeps on disk: it takes nothing else from the user, and goes on only with what it was begun with.
#include "driver/journal.hpp"

#include <sys/resource.h>

#include <csignal>
#include <set>

#include "base/memory.hpp"
#include "dsl/data/files.hpp"
#include "dsl/driver/recorder.hpp"

using namespace metac;
using namespace metac::dsl;
using namespace metac::dsl::testing;
using data::testing::TemporaryFolder;
using data::testing::write;

namespace {

namespace fs = std::filesystem;

// Two trainings on one set, each validated on another.
const std::string script = R"(
let seen = idx("images", "labels")
let unseen = idx("other_images", "labels")
experiment short {
  let learner = classifier(mlp([6, 3]))
  for turn in 1..2 {
    train learner on seen {
      iterations: 3, batch: 4, optimizer: adam(1e-2), validate: (on: unseen, every: 1), select: "best"
    }
  }
}
)";

// Images of three classes; `seen` and `unseen` make files of other content.
void write_data(const fs::path& folder, std::uint8_t seen = 0, std::uint8_t unseen = 0) {
  data::Bytes images, others, labels;
  for (std::uint8_t i = 0; i < 12; ++i) {
    labels.push_back(i % 3);
    for (std::uint8_t pixel = 0; pixel < 4; ++pixel) {
      images.push_back(static_cast<std::uint8_t>(pixel * (i % 3) * 5 + i + seen));
      others.push_back(static_cast<std::uint8_t>(pixel * (i % 3) * 5 + 2 * i + 60 + unseen));
    }
  }
  write(folder / "images", data::testing::idx_bytes(8, {12, 2, 2}, images));
  write(folder / "other_images", data::testing::idx_bytes(8, {12, 2, 2}, others));
  write(folder / "labels", data::testing::idx_bytes(8, {12}, labels));
}

struct StopAtFirstStep : Recorder {
  void train_progress(const TrainProgress& progress) override { stop = progress.step == 1; }
};

// What stops the run is said; empty if it is done.
std::string mistake(const Options& options) {
  Report report;
  Recorder recorder;
  const Script read = Script::from_text("test.meta", script, report);
  const Outcome outcome = run(read, options, recorder, report);
  std::string text;
  for (const auto& diagnostic : report.all()) text += render(diagnostic, read.sources(), false);
  BOOST_TEST((outcome == Outcome::done) == text.empty());
  return text;
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::set<std::string> names_in(const fs::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.insert(entry.path().filename().string());
  return names;
}

struct Place {
  Place() {
    write_data(folder / "data");
    options.data = (folder / "data").string();
    options.out = (folder / "run").string();
  }
  TemporaryFolder folder;
  Options options;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(journal)

BOOST_AUTO_TEST_CASE(what_the_user_keeps_in_the_folder_stays) {
  Place place;
  const std::set<std::string> own{"training-set.csv", "training-final.safetensors", "training-1-step-.safetensors",
                                  "run.json.bak",     "run.json.old.tmp",           "training-1-end.safetensors.bak"},
      left{"training-1-step-2.safetensors", "training-12-end.safetensors.77-0.tmp", "run.json.77-1.tmp"},
      written{"run.json", "training-1-end.safetensors", "training-2-end.safetensors"};
  for (const auto& name : own) write(place.folder / "run" / name, name);
  BOOST_TEST(mistake(place.options) == "");
  std::set<std::string> expected = own;
  expected.insert(written.begin(), written.end());
  BOOST_TEST(names_in(place.folder / "run") == expected, boost::test_tools::per_element());
  // What a kill left goes, nothing else does.
  for (const auto& name : left) write(place.folder / "run" / name, name);
  place.options.resume = true;
  BOOST_TEST(mistake(place.options) == "");
  BOOST_TEST(names_in(place.folder / "run") == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_new_run_writes_over_no_state_of_another) {
  Place place;
  const auto state = place.folder / "run" / "training-1-end.safetensors";
  write(state, std::string("of a run whose manifest is gone"));
  BOOST_TEST(contains(mistake(place.options), "training-1-end.safetensors"));
  BOOST_TEST(fs::file_size(state) == 31u);
  BOOST_TEST(names_in(place.folder / "run").size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_manifest_names_only_states) {
  Place place;
  BOOST_TEST(mistake(place.options) == "");
  write(place.folder / "run" / "mine.csv", std::string("numbers"));
  std::ifstream file(place.folder / "run" / "run.json");
  std::string manifest{std::istreambuf_iterator<char>(file), {}};
  manifest.replace(manifest.find("training-1-end.safetensors"), 26, "mine.csv");
  write(place.folder / "run" / "run.json", manifest);
  place.options.resume = true;
  BOOST_TEST(contains(mistake(place.options), "`mine.csv`"));
}

BOOST_AUTO_TEST_CASE(a_run_goes_on_only_with_its_data) {
  for (const bool in_the_middle : {true, false}) {
    Place place;
    StopAtFirstStep in_first;
    Recorder after_first(true);
    run_script(script, place.options, in_the_middle ? in_first : after_first);
    const std::string state = in_the_middle ? "training-1-step-1.safetensors" : "training-1-end.safetensors";
    BOOST_TEST_REQUIRE(fs::exists(place.folder / "run" / state));
    place.options.resume = true;
    for (const auto& [seen, unseen] : {std::pair<std::uint8_t, std::uint8_t>{1, 0}, {0, 1}}) {
      const auto other = place.folder / ("other" + std::to_string(seen));
      write_data(other, seen, unseen);
      place.options.data = other.string();
      const std::string refused = mistake(place.options);
      BOOST_TEST(contains(refused, "training 1 was on "), refused);
      BOOST_TEST(contains(refused, "images"), refused);
      BOOST_TEST(fs::exists(place.folder / "run" / state));
    }
    fs::rename(place.folder / "data", place.folder / "moved");
    place.options.data = (place.folder / "moved").string();
    BOOST_TEST(mistake(place.options) == "");
  }
}

BOOST_AUTO_TEST_CASE(a_folder_is_written_by_one_run_at_a_time) {
  const TemporaryFolder folder;
  {
    const Journal first(folder / "run", {}, false);
    for (const bool resume : {false, true})
      BOOST_CHECK(data::testing::fails_with([&] { Journal(folder / "run", {}, resume); }, {"another run is writing"}));
  }
  BOOST_CHECK_NO_THROW(Journal(folder / "run", {}, true));
}

// As a full disk does, a limit of the size of files stops a checkpoint in its middle.
struct Full : Recorder {
  void train_progress(const TrainProgress& progress) override {
    if (progress.step == 1) limit(100);
  }
  static void limit(std::optional<rlim_t> bytes) {
    std::signal(SIGXFSZ, bytes ? SIG_IGN : SIG_DFL);
    rlimit size{};
    ::getrlimit(RLIMIT_FSIZE, &size);
    size.rlim_cur = bytes.value_or(size.rlim_max);
    ::setrlimit(RLIMIT_FSIZE, &size);
  }
};

BOOST_AUTO_TEST_CASE(after_a_full_disk_a_run_goes_on_to_the_same_bits) {
  Place place;
  place.options.checkpoint_seconds = 0;
  Report report;
  Full full;
  const Outcome outcome = run(Script::from_text("test.meta", script, report), place.options, full, report);
  Full::limit({});
  BOOST_TEST((outcome == Outcome::failed));
  BOOST_TEST_REQUIRE(report.all().size() == 1u);
  BOOST_TEST(contains(report.all().front().message, "writing stopped"), report.all().front().message);
  const std::set<std::string> kept{"run.json", "training-1-step-0.safetensors"};
  BOOST_TEST(names_in(place.folder / "run") == kept, boost::test_tools::per_element());

  Recorder resumed, whole;
  place.options.resume = true;
  Full::limit(100);
  BOOST_TEST(contains(mistake(place.options), "run.json cannot be written"));  // said before anything is trained
  Full::limit({});
  run_script(script, place.options, resumed);
  place.options.out.clear();
  place.options.resume = false;
  run_script(script, place.options, whole);
  BOOST_TEST_REQUIRE(resumed.states.size() == whole.states.size());
  for (std::size_t i = 0; i < whole.states.size(); ++i)
    BOOST_TEST(difference(resumed.states[i], whole.states[i]) == "");
}

BOOST_AUTO_TEST_CASE(a_state_is_not_held_twice_while_it_is_restored) {
  const TemporaryFolder folder;
  TrainState state;
  state.learner = Value::record({{"weight", Array(Type{Dtype::f32, {1 << 21}})}});
  Journal kept(folder / "run", {}, false);
  JournalEntry& entry = *kept.next_training("numbers", "0");
  kept.keep(entry, state, true);
  set_memory_limit(memory_in_use() + (std::size_t{1} << 20));
  BOOST_CHECK_NO_THROW(kept.restore(entry, state));
  BOOST_CHECK_NO_THROW(kept.restore_end(entry, state.learner, state.optimizer));
  set_memory_limit(0);
  BOOST_TEST(state.learner.record()->find("weight")->get<Array>()->data() != nullptr);
}

BOOST_AUTO_TEST_SUITE_END()
