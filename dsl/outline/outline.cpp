// Trees to outlines.
#include "outline/outline.hpp"

#include <algorithm>

#include "check/occurrences.hpp"
#include "syntax/documentation.hpp"
#include "syntax/syntax.hpp"
#include "syntax/tokens.hpp"

namespace metac::dsl {

namespace {

std::string_view word_of(DefinitionKind kind) {
  static constexpr std::string_view words[] = {"fn", "model", "tasks", "learner", "optimizer", "experiment"};
  return words[static_cast<int>(kind)];
}

std::vector<OutlineParameter> parameters_of(const ParameterList& list) {
  std::vector<OutlineParameter> result;
  for (const Parameter& each : list.parameters)
    result.push_back({each.name.text, each.default_value ? print(*each.default_value) : ""});
  return result;
}

class Reader {
 public:
  Reader(std::string_view text, std::vector<Comment> comments) : text_(text), comments_(std::move(comments)) {}

  void add(const Statement& statement, std::vector<Outline>& all) const {
    std::visit([&](const auto& node) { add(node, statement, all); }, statement.node);
  }

  Outline read(const Definition& d) const {
    Outline made = outline_of(d);
    const bool has_members = d.kind != DefinitionKind::function && d.kind != DefinitionKind::experiment;
    if (has_members && d.body.block)
      for (const auto& each : d.body.block->statements)
        if (!std::holds_alternative<LetStatement>(each->node)) add(*each, made.members);
    return made;
  }

 private:
  void add(const Definition& d, const Statement& statement, std::vector<Outline>& all) const {
    all.push_back(read(d));
    all.back().whole = statement.span;
  }
  void add(const LetStatement& s, const Statement& statement, std::vector<Outline>& all) const {
    add_names("let", s.pattern.names, statement, all);
  }
  void add(const LearnStatement& s, const Statement& statement, std::vector<Outline>& all) const {
    add_names("learn", {s.name}, statement, all);
  }
  void add(const MemoryStatement& s, const Statement& statement, std::vector<Outline>& all) const {
    add_names("memory", {s.name}, statement, all);
  }
  void add(const ParamStatement& s, const Statement& statement, std::vector<Outline>& all) const {
    add_names("param", {s.name}, statement, all);
  }
  void add(const OnStatement& s, const Statement& statement, std::vector<Outline>& all) const {
    add_names("on", {s.event}, statement, all);
    all.back().lists.push_back(parameters_of(s.parameters));
  }
  template <typename Other>
  void add(const Other&, const Statement&, std::vector<Outline>&) const {}

  void add_names(const char* kind, const std::vector<Name>& names, const Statement& statement,
                 std::vector<Outline>& all) const {
    const std::string words = documentation_above(text_, comments_, statement.span.begin);
    for (const Name& name : names)
      if (name.text != "_") all.push_back({kind, name.text, {}, words, name.span, {}, statement.span});
  }

  std::string_view text_;
  std::vector<Comment> comments_;
};

// "(x, axis = none)(shape)", as the table of builtins writes it.
std::vector<std::vector<OutlineParameter>> lists_of(std::string_view text) {
  std::vector<std::vector<OutlineParameter>> lists;
  std::string word;
  const auto finish = [&] {
    const auto begin = word.find_first_not_of(' ');
    if (begin == std::string::npos) return;
    const auto equals = word.find(" = ");
    lists.back().push_back({word.substr(begin, equals - (equals == std::string::npos ? 0 : begin)),
                            equals == std::string::npos ? "" : word.substr(equals + 3)});
    word.clear();
  };
  for (const char c : text) {
    if (c == '(') {
      lists.emplace_back();
      word.clear();
    } else if (c == ',' || c == ')') {
      finish();
    } else {
      word += c;
    }
  }
  return lists;
}

// With an empty line between those that say something.
std::string paragraphs(std::initializer_list<std::string_view> parts) {
  std::string text;
  for (const std::string_view part : parts)
    if (!part.empty()) text.append(text.empty() ? "" : "\n\n").append(part.substr(0, part.find_last_not_of('\n') + 1));
  return text;
}

}  // namespace

std::vector<Outline> outline(const Module& module, const Sources& sources) {
  const Reader reader(sources.text(module.file), module.comments);
  std::vector<Outline> all;
  for (const auto& statement : module.statements) reader.add(*statement, all);
  return all;
}

Outline outline_of(const std::string& name, const Global& global, const Sources& sources) {
  const std::string_view text = sources.text(global.file);
  std::vector<Outline> all;  // `let (a, b) = ..` has several
  Reader(text, find_comments(text, global.file)).add(*global.statement, all);
  return *std::find_if(all.begin(), all.end(), [&](const Outline& each) { return each.name == name; });
}

Outline outline_of(const Definition& definition) {
  Outline made{
      std::string(word_of(definition.kind)), definition.name.text, {}, definition.documentation, definition.name.span};
  for (const ParameterList& list : definition.lists) made.lists.push_back(parameters_of(list));
  return made;
}

Outline outline_of(const Definition& definition, const Sources& sources) {
  const std::string_view text = sources.text(definition.name.span.file);
  return Reader(text, find_comments(text, definition.name.span.file)).read(definition);
}

Outline outline_of(const Builtin& builtin) {
  return {"builtin",
          builtin.name,
          lists_of(builtin.parameters),
          paragraphs({builtin.doc, builtin.more, builtin.example}),
          nowhere,
          {},
          nowhere};
}

Outline outline_of(const Word& word) {
  static constexpr const char* kinds[] = {"word", "constant", "name"};
  std::string names;
  for_each_name(word, [&](std::string_view each) { names.append(names.empty() ? "" : ", ").append(each); });
  return {kinds[static_cast<int>(word.kind)],
          names,
          {},
          paragraphs({word.form, word.doc, word.example}),
          nowhere,
          {},
          nowhere};
}

std::optional<Outline> outline_of_language(std::string_view name) {
  if (const Builtin* builtin = find_builtin(name)) return outline_of(*builtin);
  if (const Word* word = find_word(name)) return outline_of(*word);
  return std::nullopt;
}

std::string heading(const Outline& outline) {
  std::string text = outline.kind + " " + outline.name;
  for (const auto& list : outline.lists) {
    text += '(';
    for (const OutlineParameter& each : list) {
      if (&each != &list.front()) text += ", ";
      text += each.name + (each.default_value.empty() ? "" : " = " + each.default_value);
    }
    text += ')';
  }
  return text;
}

std::string summary(const Outline& outline) {
  const std::string line = outline.documentation.substr(0, outline.documentation.find('\n'));
  const std::size_t stop = line.find(". ");
  return line.substr(0, stop == std::string::npos ? stop : stop + 1);
}

const Outline* find_member(const Outline& outline, const std::string& name) {
  const auto found =
      std::find_if(outline.members.begin(), outline.members.end(), [&](const Outline& m) { return m.name == name; });
  return found == outline.members.end() ? nullptr : &*found;
}

}  // namespace metac::dsl
