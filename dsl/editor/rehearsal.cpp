// `metac check` of what an editor holds.
#include "editor/rehearsal.hpp"

namespace metac::dsl {

Rehearsal rehearse(const std::string& path, const std::string& text, const ReadText& read, const std::string& data) {
  Report known;  // the editor says it already
  Rehearsal result{Script::from_text(path, text, known, loader(read)), {}, {}};
  if (!result.script.valid() || result.script.program()->experiments().empty()) return result;
  Options options;
  options.data = data;
  check(result.script, options, result.report, nullptr, nullptr, &result.values);
  return result;
}

}  // namespace metac::dsl
