// Every script of the repository with one token left out, each in turn: reading it never crashes, and where it is a
// script no more, what is said of it points near to the hole.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>

#include "dsl/check/check_program.hpp"
#include "syntax/tokens.hpp"

namespace metac::dsl::test {

namespace {

namespace fs = std::filesystem;

constexpr int near = 2;             // lines
constexpr double most_near = 0.95;  // of all texts that are refused

std::vector<fs::path> scripts_below(const std::string& folder) {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::recursive_directory_iterator(fs::path(METAC_SOURCE_DIR) / folder))
    if (entry.path().extension() == ".meta") paths.push_back(entry.path());
  std::ranges::sort(paths);
  return paths;
}

std::vector<Token> significant_tokens(std::string_view text) {
  std::vector<Token> tokens;
  for (Token token = significant_token_at(text, 0); token.kind != TokenKind::end;
       token = significant_token_at(text, token.end))
    tokens.push_back(token);
  return tokens;
}

// The library as far as a text needs it, for reading all of it takes most of the time: the files that define its words,
// and what these need.
class NeededLibrary {
 public:
  NeededLibrary() {
    const auto library = standard_library();
    for (std::size_t file = 0; file < library.size(); ++file) {
      const std::string_view text = library[file].text;
      Token before;
      for (const Token& token : significant_tokens(text)) {
        const bool at_margin = before.begin == 0 || text[before.begin - 1] == '\n';
        if (at_margin && is_statement_word(view(text, before))) definitions_[view(text, token)].insert(file);
        before = token;
      }
    }
  }

  std::vector<LibraryFile> of(std::string_view text) const {
    std::set<std::size_t> needed;
    add(text, needed);
    std::vector<LibraryFile> result;
    for (const std::size_t file : needed) result.push_back(standard_library()[file]);
    return result;
  }

 private:
  void add(std::string_view text, std::set<std::size_t>& needed) const {
    for (const Token& token : significant_tokens(text)) {
      const auto found = definitions_.find(view(text, token));
      if (found == definitions_.end()) continue;
      for (const std::size_t file : found->second)
        if (needed.insert(file).second) add(standard_library()[file].text, needed);
    }
  }

  std::map<std::string_view, std::set<std::size_t>> definitions_;
};

// What a script uses is read beside it.
ModuleLoader beside(const fs::path& script) {
  return [folder = script.parent_path()](const std::string& path, const std::string&) -> std::optional<std::string> {
    if (!fs::is_regular_file(folder / path)) return std::nullopt;
    return read_file((folder / path).string());
  };
}

struct Deletions {
  int all = 0, refused = 0, told_near = 0;
  std::string far;  // what was told elsewhere
};

bool is_near(const Report& report, const Sources& sources, std::uint32_t script, int line) {
  const auto at = [&](const Span& span) {
    return span.file == script && std::abs(sources.position(span.file, span.begin).line - line) <= near;
  };
  return std::ranges::any_of(report.all(), [&](const Diagnostic& diagnostic) {
    if (diagnostic.severity != Severity::error) return false;
    return at(diagnostic.span) || std::ranges::any_of(diagnostic.labels, at, &Label::span) ||
           std::ranges::any_of(diagnostic.notes, [&](const Note& note) { return note.has_span && at(note.span); });
  });
}

void delete_each(const fs::path& path, const NeededLibrary& needed, Deletions& count) {
  const std::string text = read_file(path.string());
  const std::vector<LibraryFile> library = needed.of(text);
  const ModuleLoader loader = beside(path);
  for (const Token& token : significant_tokens(text)) {
    const auto sources = std::make_shared<Sources>();
    const std::uint32_t script =
        sources->add(path.filename().string(), text.substr(0, token.begin) + text.substr(token.end));
    Report report;
    (void)check(sources, script, loader, report, library);
    ++count.all;
    if (!report.has_errors()) continue;
    ++count.refused;
    const int line = sources->position(script, token.begin).line;
    if (is_near(report, *sources, script, line)) {
      ++count.told_near;
      continue;
    }
    count.far +=
        path.filename().string() + ":" + std::to_string(line) + ": without `" + std::string(view(text, token)) + "`\n";
    for (const Diagnostic& diagnostic : report.all()) count.far += render(diagnostic, *sources);
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_script_checks_with_the_library_that_it_needs) {
  const NeededLibrary needed;
  for (const char* folder : {"stdlib", "examples"}) {
    for (const fs::path& path : scripts_below(folder)) {
      const auto sources = std::make_shared<Sources>();
      const std::string text = read_file(path.string());
      const std::uint32_t script = sources->add("t.meta", text);
      Report report;
      BOOST_TEST((check(sources, script, beside(path), report, needed.of(text)) != nullptr), path);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_deleted_token_is_told_near_to_where_it_was) {
  const NeededLibrary needed;
  Deletions count;
  for (const char* folder : {"stdlib", "examples"})
    for (const fs::path& path : scripts_below(folder)) delete_each(path, needed, count);
  const double share = static_cast<double>(count.told_near) / std::max(count.refused, 1);
  BOOST_TEST_MESSAGE(count.all << " tokens deleted, " << count.refused << " texts refused, of these " << 100 * share
                               << " % within " << near << " lines");
  BOOST_TEST(count.refused > 5000);
  if (std::getenv("METAC_LIST") != nullptr) BOOST_TEST_MESSAGE(count.far);
  BOOST_TEST(share >= most_near, "told elsewhere:\n" << count.far);
}

}  // namespace metac::dsl::test
