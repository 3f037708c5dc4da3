// Overlap of data by lineage, task identity where it is not known, and copies by checksum.
#include "driver/lineage.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>

#include "elaborate/fingerprint.hpp"
#include "syntax/free_names.hpp"
#include "syntax/syntax.hpp"

namespace metac::dsl {

std::vector<Exposure> exposures_of(Elaborator& self, const Source& source, bool in_validation, Span span) {
  std::vector<Exposure> all;
  for (auto& set : Fingerprint::datasets_of(self, source))
    all.push_back({std::move(set), nullptr, source.gives_tasks(), in_validation, span});
  return all;
}

data::Overlap overlap(const data::Dataset& set, const Exposure& seen) {
  return seen.set ? data::overlap(set, *seen.set) : data::overlap(set, *seen.footprint);
}

namespace {

// In words what two exposures share; empty where nothing does. New tasks need new classes; else rows must be new.
std::string shared(const Exposure& measured, const Exposure& seen, const OverlapOf& overlap) {
  const data::Overlap common = overlap(*measured.set, seen);
  const auto& name = measured.name();
  if (measured.of_tasks && seen.of_tasks && common.classes > 0)
    return fmt::format("{} of the {} classes of {}, such as `{}`", common.classes, measured.set->class_count(), name,
                       common.example);
  if (common.rows > 0) return fmt::format("{} of the {} examples of {}", common.rows, measured.set->size(), name);
  return "";
}

}  // namespace

void refuse_overlap(Elaborator& self, const std::string& learner, const std::vector<Exposure>& seen,
                    const std::vector<Exposure>& measured, const OverlapOf& overlap) {
  for (const auto& now : measured)
    for (const auto& before : seen) {
      const std::string common = shared(now, before, overlap);
      if (common.empty()) continue;
      const char* word = before.in_validation ? "validated" : "trained";
      self.fail(before.in_validation ? "E0481" : "E0480", now.span,
                fmt::format("`{}` is {} on what it was {} on: {}", learner,
                            now.in_validation ? "validated" : "measured", word, common),
                now.in_validation ? "validated here" : "measured here",
                "take another part of a split, or say `overlap: \"intended\"` between these braces",
                {{before.span, before.set ? fmt::format("{} here, on {}", word, before.name())
                                          : fmt::format("loaded here; it was {} on {}", word, before.name())}});
    }
}

void add_new(std::vector<Exposure>& seen, const std::vector<Exposure>& more) {
  // Copies of a data set share its name, which lies nowhere else while one of them is kept.
  const auto identity = [](const Exposure& each) {
    const void* data = each.set ? static_cast<const void*>(&each.set->name()) : each.footprint.get();
    return std::tuple(data, each.of_tasks, each.in_validation);
  };
  std::set<std::tuple<const void*, bool, bool>> known;
  for (const auto& each : seen) known.insert(identity(each));
  for (const auto& each : more)
    if (known.insert(identity(each)).second) seen.push_back(each);
}

bool overlap_is_intended(Elaborator& self, const std::optional<Value>& overlap, Span span) {
  if (!overlap) return false;
  const auto* word = overlap->get<std::string>();
  if (word == nullptr || *word != "intended")
    self.fail("E0482", span,
              fmt::format("`overlap` can be \"intended\", it is {}",
                          word != nullptr ? fmt::format("\"{}\"", *word) : describe(*overlap)),
              "", "leave it out where training and test have nothing in common");
  return true;
}

// ---- task identity ----

namespace {

bool is_blind(const Record& task) {
  const Value* scenario = task.find("scenario");
  const auto* word = scenario != nullptr ? scenario->get<std::string>() : nullptr;
  return word != nullptr && (*word == "class" || *word == "domain") && task.find("active") != nullptr;
}

// Whether a value is one of those that tell the task: the very list of its labels, or its name.
bool tells(const Value& value, const Record& task) {
  if (const List* list = value.list())
    return list == task.find("active")->list() ||
           std::any_of(list->items.begin(), list->items.end(), [&](const Value& item) { return tells(item, task); });
  const auto *word = value.get<std::string>(), *name = task.find("name")->get<std::string>();
  return word != nullptr && name != nullptr && *word == *name;
}

// Whether the text of `with` asks the task that is measured on for what tells it apart from others: `task.index`.
bool asks(const Elaborator& self, const Expr& on, Span with) {
  const auto* name = std::get_if<NameExpr>(&on.node);
  const auto words = tokens(self.program().sources().text(with));
  for (std::size_t i = 0; name != nullptr && i + 2 < words.size(); ++i)
    if (words[i] == name->name && words[i + 1] == "." && (words[i + 2] == "index" || words[i + 2] == "active"))
      return true;
  return false;
}

}  // namespace

void refuse_task_identity(Elaborator& self, const Value& on, const std::optional<Value>& with, Span with_span,
                          const WorkExpr& work) {
  if (!with || with->record() == nullptr) return;
  const std::vector<Value> tasks = on.list() != nullptr ? on.list()->items : std::vector<Value>{on};
  for (const Value& task : tasks) {
    if (task.record() == nullptr || !is_blind(*task.record())) continue;
    bool told = asks(self, *work.source, with_span);
    std::string argument;
    for (const auto& [name, value] : with->record()->fields)
      if (tells(value, *task.record())) told = true, argument = name;
    if (!told) continue;
    const auto& scenario = *task.record()->find("scenario")->get<std::string>();
    self.fail("E0483", with_span,
              fmt::format("{} tells `predict` which task the examples are of: in a {}-incremental test it is not known",
                          argument.empty() ? "`with`" : fmt::format("`{}`", argument), scenario),
              "the task's identity", "leave it out, or make the stream with `scenario: \"task\"`",
              {{work.source->span, fmt::format("of the scenario \"{}\"", scenario)}});
  }
}

// ---- of learners ----

// What a learner was made of, each part of it once. What is to be visited waits in rows, since functions may use each
// other in longer chains than there is stack for.
class Exposures::Walk {
 public:
  explicit Walk(Exposures& known) : known_(known) {}

  std::vector<Exposure> from(const Learner& learner) {
    visit(learner);
    for (std::size_t value = 0, definition = 0; value < values_.size() || definition < definitions_.size();)
      value < values_.size() ? visit(*values_[value++]) : visit(*definitions_[definition++]);
    return std::move(seen_);
  }

 private:
  using Fields = std::vector<std::pair<std::string, Value>>;

  void visit(const Learner& learner) {
    if (!is_new(&learner)) return;
    add_new(seen_, learner.exposures);
    visit_later(learner.arguments->names);
    visit_later(learner.started);
    definitions_.push_back(learner.definition);
  }

  void visit(const Value& value) {
    if (const auto* learner = value.get<std::shared_ptr<const Learner>>()) visit(**learner);
    if (const auto* array = value.get<Array>())
      if (const Seen list = known_.of(*array); list != nullptr && is_new(list.get())) add_new(seen_, *list);
    if (value.carried() != nullptr) values_.push_back(&value.carried()->leaf);
    if (value.callable() != nullptr) visit(*value.callable());
    if (const Record* record = value.record()) visit_later(record->fields);
    if (const List* list = value.list())
      for (const auto& item : list->items) values_.push_back(&item);
  }

  void visit(const Callable& callable) {
    if (!is_new(&callable)) return;
    for (const auto& list : callable.supplied) visit_later(list);
    visit_later(callable.layers);
    if (callable.builtin) return;
    std::vector<Parameter> parameters;
    for (const auto& list : callable.lists)
      for (const auto& each : list) parameters.push_back({{each.name, {}}, each.default_value});
    for (const auto& name : known_.free_names(parameters, callable.body)) use(name, callable.span.file, callable.scope);
  }

  void visit(const Definition& definition) {
    if (!is_new(&definition)) return;
    std::vector<Parameter> parameters;
    for (const auto& list : definition.lists)
      parameters.insert(parameters.end(), list.parameters.begin(), list.parameters.end());
    for (const auto& name : known_.free_names(parameters, definition.body))
      use(name, definition.name.span.file, nullptr);
  }

  // What a name in a function stands for. The library knows nothing of what scripts train.
  void use(const std::string& name, std::uint32_t file, const ScopePtr& scope) {
    const Value* outer = scope != nullptr ? scope->find(name) : nullptr;
    if (outer != nullptr) return values_.push_back(outer);
    const Global* global = known_.self_.program().find(name, file);
    if (global == nullptr || global->from_library) return;
    if (global->definition != nullptr) return definitions_.push_back(global->definition);
    if (const Value* value = known_.self_.known_global(name, global->file)) values_.push_back(value);
  }

  void visit_later(const Fields& fields) {
    for (const auto& [name, value] : fields) values_.push_back(&value);
  }
  bool is_new(const void* part) { return visited_.insert(part).second; }

  Exposures& known_;
  std::vector<Exposure> seen_;
  std::vector<const Value*> values_;
  std::vector<const Definition*> definitions_;
  std::set<const void*> visited_;
};

std::vector<Exposure> Exposures::of(const Learner& learner) { return Walk(*this).from(learner); }

Exposures::Seen Exposures::of(const Array& array) const {
  const auto known = arrays_.find(array.data());
  return known != arrays_.end() && known->second.memory.lock() == array.memory() ? known->second.seen : nullptr;
}

void Exposures::remember(const Learner& trained) {
  const auto seen = std::make_shared<const std::vector<Exposure>>(of(trained));
  if (seen->empty()) return;
  for (const auto& leaf : leaves(trained.state))
    if (const Array* array = leaf.value.get<Array>()) arrays_[array->data()] = {array->memory(), seen};
  if (arrays_.size() < most_arrays_) return;
  std::erase_if(arrays_, [](const auto& entry) { return entry.second.memory.expired(); });
  most_arrays_ = std::max<std::size_t>(64, 2 * arrays_.size());
}

const std::set<std::string>& Exposures::free_names(const std::vector<Parameter>& parameters, const Body& body) {
  const void* place = body.block != nullptr ? static_cast<const void*>(body.block.get()) : body.expression.get();
  const auto [at, is_new] = free_names_.try_emplace(place);
  if (is_new) at->second = {body, dsl::free_names(parameters, body)};
  return at->second.second;
}

Exposures::Pair& Exposures::pair(const data::Dataset& first, const data::Dataset& second) {
  // By what tells sets apart, as in `add_new`; while they are kept here it stays theirs.
  return pairs_.try_emplace({&first.name(), &second.name()}, Pair{first, second, {}, {}}).first->second;
}

data::Overlap Exposures::overlap(const data::Dataset& set, const Exposure& seen) {
  if (!seen.set) return data::overlap(set, *seen.footprint);
  Pair& known = pair(set, *seen.set);
  if (!known.common) known.common = data::overlap(set, *seen.set);
  return *known.common;
}

std::vector<Duplicates> Exposures::duplicates(const std::vector<Exposure>& seen,
                                              const std::vector<Exposure>& measured) {
  std::vector<Duplicates> found;
  std::set<std::pair<std::uint64_t, std::uint64_t>> looked_at;
  for (const auto& now : measured)
    for (const auto& before : seen) {
      if (!before.set || !looked_at.emplace(now.set->fingerprint(), before.set->fingerprint()).second) continue;
      Pair& known = pair(*now.set, *before.set);
      if (!known.copies) known.copies = data::duplicates(*now.set, *before.set);
      if (*known.copies > 0) found.push_back({*known.copies, now.set->size(), now.name(), before.name()});
    }
  return found;
}

}  // namespace metac::dsl
