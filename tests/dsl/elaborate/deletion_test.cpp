// The scripts of stdlib and examples with one token missing: whatever is said, it is said; nothing crashes, hangs, or
// is called a bug.
#include <boost/test/unit_test.hpp>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include "driver/driver.hpp"

namespace metac::dsl::test {
namespace {

namespace fs = std::filesystem;

std::string read_all(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<fs::path> scripts() {
  std::vector<fs::path> paths;
  for (const char* folder : {"stdlib", "examples"})
    for (const auto& entry : fs::recursive_directory_iterator(fs::path(METAC_SOURCE_DIR) / folder))
      if (entry.path().extension() == ".meta") paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  return paths;
}

// Where the words, numbers and signs of a text stand; comments are left out.
std::vector<std::pair<std::size_t, std::size_t>> tokens(const std::string& text) {
  std::vector<std::pair<std::size_t, std::size_t>> result;
  const auto is_word = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; };
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = at;
    if (text[at] == '#') {
      at = std::min(text.find('\n', at), text.size());
      continue;
    }
    if (is_word(text[at])) {
      while (at < text.size() && is_word(text[at])) ++at;
    } else if (++at; std::isspace(static_cast<unsigned char>(text[begin])) != 0 && text[begin] != '\n') {
      continue;
    }
    result.emplace_back(begin, at - begin);
  }
  return result;
}

constexpr const char* use = R"(
experiment uses_it {
  let learner = maml(mlp([4, 1]), loss: mse)
  train learner on sinusoids() { iterations: 1, optimizer: adam() }
  evaluate learner on sinusoids() { tasks: 2, metrics: [mse] }
  print(init(conv4(2, channels: 1), full([1, 16, 16, 1], 1.0)))
}
)";

}  // namespace

BOOST_AUTO_TEST_CASE(a_missing_token_never_ends_in_a_crash) {
  constexpr int deletions = 30;
  std::mt19937 random(7);  // the same deletions in every run
  for (const auto& path : scripts()) {
    const std::string text = read_all(path) + (path.string().find("examples") == std::string::npos ? use : "");
    const auto all = tokens(text);
    for (int i = 0; i < deletions; ++i) {
      const auto [begin, size] = all[random() % all.size()];
      std::string broken = text;
      broken.erase(begin, size);
      if (i % 3 == 2)
        broken.insert(begin, text.substr(all[random() % all.size()].first, 3));  // or another one in its place
      BOOST_TEST_CONTEXT(path.filename().string()
                         << ", without `" << text.substr(begin, size) << "` at byte " << begin) {
        Report report;
        const Script script = Script::from_text("script.meta", broken, report);
        BOOST_CHECK_NO_THROW(if (script.valid()) check(script, Options{}, report));
        BOOST_TEST((script.valid() || report.has_errors()));
        for (const auto& diagnostic : report.all()) BOOST_TEST(!render(diagnostic, script.sources()).empty());
      }
    }
  }
}

}  // namespace metac::dsl::test
