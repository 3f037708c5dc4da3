// What a learner has seen goes with it into its file: a later script that loads it cannot measure it on that.
#include <filesystem>

#include "driver/gradcheck.hpp"
#include "driver/learner_file.hpp"
#include "dsl/data/files.hpp"
#include "dsl/driver/recorder.hpp"
#include "store/safetensors.hpp"

using namespace metac;
using namespace metac::dsl;
using namespace metac::dsl::testing;

namespace {

struct Saved {
  const std::string file = (std::filesystem::temp_directory_path() / "metac_saved_lineage.safetensors").string();
  ~Saved() { std::filesystem::remove(file); }
};

const std::string parts = R"(
let characters = split_classes(glyphs(classes: 12, per_class: 6, size: 8), train: 6, val: 3, test: 3)
let drawings = split_rows(glyphs(classes: 4, per_class: 10, size: 8, seed: 5), train: 30, test: 10)
model flat(x) = x |> flatten |> linear(4)
fn few(set) = episodes(set, ways: 3, shots: 1, queries: 2)
)";

const std::string train_once =
    "  let l = protonet(flat)\n  train l on few(characters.train) { iterations: 2, batch: 2, optimizer: sgd(0.1) }\n";

struct Said {
  std::string text;
  std::vector<std::string> printed;
};

Said say(const std::string& body, bool only_check = false, const std::filesystem::path& data = "") {
  Report report;
  const Script script = Script::from_text("test.meta", parts + "experiment e {\n" + body + "}\n", report);
  Recorder recorder;
  Options options;
  options.data = data.string();
  if (script.valid()) only_check ? check(script, options, report) : run(script, options, recorder, report);
  Said said{"", recorder.lines};
  for (const auto& diagnostic : report.all())
    if (diagnostic.severity == Severity::error) said.text += render(diagnostic, script.sources(), false);
  return said;
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

BOOST_AUTO_TEST_SUITE(saved_lineage)

// The check of derivatives works in double precision, files are of single precision.
BOOST_AUTO_TEST_CASE(a_loaded_learner_has_its_derivatives_checked) {
  const Saved saved;
  BOOST_TEST(say(train_once + "  save(l, \"" + saved.file + "\")\n").text == "");
  Report report;
  const Script script =
      Script::from_text("test.meta",
                        parts + "experiment e {\n" + "  let l = load(protonet(flat), \"" + saved.file + "\")\n" +
                            "  train l on few(characters.train) { iterations: 2, batch: 2, optimizer: sgd(0.1) }\n}\n",
                        report);
  std::vector<CheckedLearner> learners;
  BOOST_TEST((gradcheck(script, {}, {}, report, learners) == Outcome::done));
  for (const auto& diagnostic : report.all()) BOOST_TEST_MESSAGE(render(diagnostic, script.sources(), false));
  BOOST_TEST_REQUIRE(learners.size() == 1u);
  BOOST_TEST(!learners.front().derivatives.empty());
}

BOOST_AUTO_TEST_CASE(what_was_trained_and_validated_on_is_found_after_loading) {
  const Saved saved;
  const std::string load = "  let l = load(protonet(flat), \"" + saved.file + "\")\n";
  const auto measured = [&](const std::string& set) {
    return load + "  evaluate l on few(" + set + ") { tasks: 2, metrics: [accuracy] }\n";
  };
  BOOST_TEST(say(R"(
  let l = protonet(flat)
  train l on few(characters.train) {
    iterations: 2, batch: 2, optimizer: sgd(0.1), validate: (on: few(characters.val), every: 1, tasks: 2)
  }
  save(l, ")" + saved.file +
                 "\")\n")
                 .text == "");
  for (const bool only_check : {true, false}) {
    const Said trained = say(measured("characters.train"), only_check),
               validated = say(measured("characters.val"), only_check);
    BOOST_TEST(contains(trained.text, "[E0480]"), trained.text);
    BOOST_TEST(contains(trained.text, "`protonet` is measured on what it was trained on: 6 of the 6 classes"),
               trained.text);
    BOOST_TEST(contains(trained.text, "loaded here; it was trained on"), trained.text);
    BOOST_TEST(contains(validated.text, "[E0481]"), validated.text);
    BOOST_TEST(say(measured("characters.test"), only_check).text == "");
  }
  BOOST_TEST(say(load + "  evaluate l on few(characters.train) { tasks: 2, overlap: \"intended\" }\n").text == "");
  // It goes on from file to file, and to what is made of it.
  BOOST_TEST(say(load + "  save(l, \"" + saved.file + "\")\n").text == "");
  BOOST_TEST(contains(say(measured("characters.train")).text, "[E0480]"));
  BOOST_TEST(
      contains(say(load + "  let twin = protonet(flat, theta: l.theta)\n  evaluate twin on few(characters.train) { "
                          "tasks: 2 }\n")
                   .text,
               "[E0480]"));
}

BOOST_AUTO_TEST_CASE(rows_that_were_seen_are_found_in_all_trainings) {
  const Saved saved;
  BOOST_TEST(say("  let l = classifier(flat)\n"
                 "  train l on drawings.train.take(5) { iterations: 2, batch: 2, optimizer: sgd(0.1) }\n"
                 "  train l on drawings.train { iterations: 2, batch: 2, optimizer: sgd(0.1) }\n"
                 "  save(l, \"" +
                 saved.file + "\")\n")
                 .text == "");
  const std::string load = "  let l = load(classifier(flat), \"" + saved.file + "\")\n  evaluate l on ";
  BOOST_TEST(contains(say(load + "drawings.train.take(7)\n").text, "7 of the 7 examples"));
  BOOST_TEST(say(load + "drawings.test\n").text == "");
}

BOOST_AUTO_TEST_CASE(a_file_that_does_not_say_is_loaded_with_a_note) {
  const Saved saved;
  BOOST_TEST(say("  let l = classifier(flat)\n  train l on drawings.train { iterations: 1, batch: 2, optimizer: "
                 "sgd(0.1) }\n  save(l, "
                 "\"" +
                 saved.file + "\")\n")
                 .text == "");
  auto tensors = store::read_safetensors(saved.file);
  BOOST_TEST(tensors.metadata.erase("seen") == 1u);
  store::write_safetensors(saved.file, tensors);
  const std::string load = "  let l = load(classifier(flat), \"" + saved.file + "\")\n";
  const Said said = say(load + "  evaluate l on drawings.train\n");
  BOOST_TEST(said.text == "");
  BOOST_TEST(said.printed.at(0).starts_with("load: " + saved.file + " does not say what the learner was trained on"));
  for (const char* wrong : {"[", "[{}]", "3",
                            "[{\"name\":\"a\",\"origin\":\"b\",\"part\":\"\",\"content\":\"1\",\"tasks\":true,"
                            "\"validation\":false,\"rows\":\"xyz\",\"classes\":\"\"}]"}) {
    tensors.metadata["seen"] = wrong;
    store::write_safetensors(saved.file, tensors);
    const Said refused = say(load + "  evaluate l on drawings.test\n");
    BOOST_TEST(contains(refused.text, "what the learner has seen cannot be read"), refused.text);
    BOOST_TEST(contains(refused.text, "[E0437]"));
  }
}

// Names of files are bytes: a folder may be named in Latin-1.
BOOST_AUTO_TEST_CASE(data_in_a_folder_whose_name_is_no_utf8_is_known_again) {
  const Saved saved;
  const data::testing::TemporaryFolder folder;
  const auto place = folder / "caf\xe9";
  data::Bytes labels, images(12 * 4);
  for (std::uint8_t i = 0; i < 12; ++i) labels.push_back(i % 3), images[i * 4u] = i;
  const auto write_images = [&] {
    data::testing::write(place / "images", data::testing::idx_bytes(8, {12, 2, 2}, images));
  };
  write_images();
  data::testing::write(place / "labels", data::testing::idx_bytes(8, {12}, labels));
  const std::string load = "  let l = load(classifier(flat), \"" + saved.file + "\")\n  evaluate l on ";
  BOOST_TEST(say("  let l = classifier(flat)\n  train l on idx(\"images\", \"labels\") { iterations: 1, batch: 2, "
                 "optimizer: sgd(0.1) }\n  save(l, \"" +
                     saved.file + "\")\n",
                 false, place)
                 .text == "");
  images[1] = 1;  // now only the place tells that it is the same
  write_images();
  BOOST_TEST(contains(say(load + "idx(\"images\", \"labels\")\n", false, place).text, "12 of the 12 examples"));
  std::filesystem::rename(place, folder / "caf\xe8");
  BOOST_TEST(say(load + "idx(\"images\", \"labels\")\n", false, folder / "caf\xe8").text == "");
}

BOOST_AUTO_TEST_SUITE_END()
