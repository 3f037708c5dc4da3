// Walks values and the texts of definitions into one hash.
#include "elaborate/fingerprint.hpp"

#include <fmt/format.h>

#include <cctype>

#include "syntax/syntax.hpp"

namespace metac::dsl {
namespace {

Span whole(const Definition& definition) {
  const Body& body = definition.body;
  return join(definition.name.span, body.block != nullptr ? body.block->span : body.expression->span);
}

bool is_name(std::string_view token) { return std::isalpha(static_cast<unsigned char>(token[0])) || token[0] == '_'; }

}  // namespace

std::string Fingerprint::hex() const { return fmt::format("{:08x}", hash_.short_value()); }

void Fingerprint::dataset(const data::Dataset& set) {
  if (met_ == nullptr) return hash_.number(set.fingerprint());
  met_->push_back(set);
}

std::vector<data::Dataset> Fingerprint::datasets_of(Elaborator& self, const Source& source) {
  std::vector<data::Dataset> met;
  Fingerprint walk(self);
  walk.met_ = &met;
  source.identify(walk);
  return met;
}

// 5 and 5.0 are one number, which a script may write either way.
void Fingerprint::real(double number) { text(fmt::format("{}", number == 0 ? 0.0 : number)); }

// Computed numbers may differ between machines in their last digits.
void Fingerprint::tensor(const Array& array) {
  if (met_ != nullptr) return;
  text(to_string(array.shape()));
  for (std::int64_t i = 0; i < array.elements(); ++i) text(fmt::format("{:.5g}", array.at(i)));
}

void Fingerprint::value(const Value& value) {
  number(value.number() ? -1 : static_cast<std::int64_t>(value.variant().index()));
  if (const auto number = value.number())
    real(*number);
  else if (const auto* truth = value.get<bool>())
    this->number(*truth ? 1 : 0);
  else if (const auto* words = value.get<std::string>())
    text(*words);
  else if (const auto* array = value.get<Array>())
    tensor(*array);
  else if (const auto* tensor = value.get<Tensor>())
    text(met_ == nullptr ? self_.shown(*tensor, {}) : "");
  else if (const List* list = value.list())
    for (const auto& item : list->items) this->value(item);
  else if (const Record* record = value.record())
    for (const auto& [name, field] : record->fields) text(name), this->value(field);
  else if (const Carried* carried = value.carried())
    this->value(carried->leaf);
  else if (const Callable* function = value.callable())
    callable(*function);
  else if (const auto* learner = value.get<std::shared_ptr<const Learner>>())
    made(*(*learner)->definition, (*learner)->arguments);
  else if (const auto* optimizer = value.get<std::shared_ptr<const Optimizer>>())
    made(*(*optimizer)->definition, (*optimizer)->arguments);
  else if (const auto* set = value.get<std::shared_ptr<const data::Dataset>>())
    dataset(**set);
  else if (const auto* source = value.get<SourcePtr>())
    (*source)->identify(*this);
}

void Fingerprint::made(const Definition& made, const ScopePtr& arguments) {
  for (const auto& [name, argument] : arguments->names) text(name), value(argument);
  definition(made.kind, whole(made), nullptr);
}

void Fingerprint::callable(const Callable& callable) {
  number(callable.stage);
  number(callable.evaluating ? 1 : 0);
  for (const auto& list : callable.supplied)
    for (const auto& [name, argument] : list) text(name), value(argument);
  for (const auto& [name, layer] : callable.layers) text(name), value(layer);
  if (callable.builtin) return text(callable.name);
  const Span span = callable.definition != nullptr ? whole(*callable.definition) : callable.span;
  definition(callable.kind, span, callable.scope);
}

void Fingerprint::definition(DefinitionKind kind, Span span, const ScopePtr& scope) {
  if (!seen_.insert({span.file, span.begin}).second) return;
  number(static_cast<std::int64_t>(kind));
  const auto words = tokens(self_.program().sources().text(span));
  for (const auto word : words) text(word);
  for (std::size_t i = 0; i < words.size(); ++i) {
    const bool member = i > 0 && words[i - 1] == ".", field = i + 1 < words.size() && words[i + 1] == ":";
    if (is_name(words[i]) && !member && !field) used(words[i], span.file, scope);
  }
}

// What a name in a definition stands for. Of a name that the definition binds itself this may say what it would stand
// for outside: a difference too many, never one too few.
void Fingerprint::used(std::string_view name, std::uint32_t file, const ScopePtr& scope) {
  const std::string word(name);
  if (const Value* outer = scope != nullptr ? scope->find(word) : nullptr) {
    text(word);
    return value(*outer);
  }
  const Global* global = self_.program().find(word, file);
  if (global == nullptr) return;
  if (global->definition != nullptr) return definition(global->definition->kind, whole(*global->definition), nullptr);
  if (const Value* known = self_.known_global(word, global->file)) return value(*known);
  const Span let = std::get<LetStatement>(global->statement->node).value->span;
  definition(DefinitionKind::function, let, nullptr);  // of tensors, which are computed anew in each graph
}

}  // namespace metac::dsl
