// Text to tree: characters, comments, grammar, builder.
#include "syntax/syntax.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "syntax/builder.hpp"
#include "syntax/nodes.hpp"
#include "syntax/tokens.hpp"

namespace metac::dsl {

namespace {

// The passes each find their own mistakes; a reader wants them from top to bottom.
void pass_on(const Report& found, Report& report) {
  std::vector<Diagnostic> all = found.all();
  std::ranges::stable_sort(all, {}, [](const Diagnostic& diagnostic) { return diagnostic.span.begin; });
  for (Diagnostic& diagnostic : all) report.add(std::move(diagnostic));
}

}  // namespace

Module parse(const Sources& sources, std::uint32_t file, Report& report) {
  const std::string_view text = sources.text(file);
  Module module;
  module.file = file;
  if (text.size() > longest_text) {
    report.error("E0106", {file, 0, 0},
                 fmt::format("a text has at most {} bytes, and this has {}", longest_text, text.size()));
    return module;
  }
  module.comments = find_comments(text, file);
  Report found;
  check_characters(text, file, found);
  check_names(text, file, longest_name, found);
  const std::vector<Node> nodes = read_nodes(text, file, found);
  module.statements = Builder(text, file, module.comments, found).statements(nodes);
  pass_on(found, report);
  return module;
}

std::vector<std::string_view> tokens(std::string_view text) {
  std::vector<std::string_view> result;
  for (Token token = significant_token_at(text, 0); token.kind != TokenKind::end;
       token = significant_token_at(text, token.end))
    result.push_back(view(text, token));
  return result;
}

}  // namespace metac::dsl
