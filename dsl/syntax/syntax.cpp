// Text to tree: characters, comments, grammar, builder.
#include "syntax/syntax.hpp"

#include "syntax/builder.hpp"
#include "syntax/nodes.hpp"
#include "syntax/tokens.hpp"

namespace metac::dsl {

Module parse(const Sources& sources, std::uint32_t file, Report& report) {
  const std::string_view text = sources.text(file);
  Module module;
  module.file = file;
  module.comments = find_comments(text, file);
  check_characters(text, file, report);
  const std::vector<Node> nodes = read_nodes(text, file, report);
  module.statements = Builder(text, file, module.comments, report).statements(nodes);
  return module;
}

}  // namespace metac::dsl
