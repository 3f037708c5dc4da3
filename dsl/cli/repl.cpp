// `metac repl`: a prompt. What is entered goes to driver/prompt.hpp; here are lines, commands and what is shown.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "cli/commands.hpp"
#include "cli/line_editor.hpp"
#include "cli/output.hpp"
#include "cli/request.hpp"
#include "cli/show.hpp"
#include "driver/prompt.hpp"
#include "graph/drawing.hpp"
#include "outline/outline.hpp"

namespace metac::dsl {

namespace {

constexpr const char* help =
    "What stands in an experiment or at the top level of a script can be entered: expressions, `let`, `fn`, "
    "`learner`,\n"
    "`use`, `train`, `evaluate`, `for`. A line goes on while a bracket is open. Ctrl-C stops the work at hand or drops "
    "the\n"
    "line, Ctrl-D ends.\n"
    "  :help          this\n"
    "  :quit          ends\n"
    "  :load FILE     takes over the definitions of a script; again: after it was changed\n"
    "  :list          what was bound and defined here\n"
    "  :type EXPR     what an expression is, without its content\n"
    "  :doc NAME      the documentation of a name of the library, the language or a script\n"
    "  :graph EXPR    the graph of an expression\n";

std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(" \t"), last = text.find_last_not_of(" \t\r\n");
  return first == std::string::npos ? "" : text.substr(first, last - first + 1);
}

void show_value(const Value& value) {
  fmt::print("{}", summary_of(value));
  std::fflush(stdout);
}

// The type of a value, leaf by leaf.
std::string type_of(const Value& value) {
  if (value.record() == nullptr) return describe(value) + "\n";
  std::string text = describe(value) + "\n";
  for (const auto& leaf : leaves(value)) text += fmt::format("  {}: {}\n", leaf.path, describe(leaf.value));
  return text;
}

void print_graph_of(const Value& value) {
  std::vector<NodeId> outputs;
  const Graph* graph = nullptr;
  for (const auto& leaf : leaves(value))
    if (const Tensor* tensor = leaf.value.get<Tensor>()) {
      graph = &tensor->graph();
      outputs.push_back(tensor->id());
    }
  if (graph == nullptr) return fmt::print("{} has no graph: it is known already\n", describe(value));
  fmt::print("{}", to_text(*graph, outputs));
}

class Repl {
 public:
  Repl(Options options, bool terminal)
      : observer_(make_text_observer(terminal, use_colour())), asked_(take_signals()), terminal_(terminal) {
    options.stop = &asked_.stop;
    prompt_ = std::make_unique<Prompt>(options, *observer_);
  }

  // On a terminal Ctrl-C only stops the work at hand; elsewhere nobody is there to say what is to be done instead.
  bool must_end() const { return terminal_ ? asked_.end : asked_.stop; }

  // The lines of the reader until its end.
  Outcome run(LineReader& reader) {
    std::string text;
    for (std::string line; !quit_;) {
      if (must_end()) return Outcome::interrupted;
      const auto end = reader.read(text.empty() ? "> " : "| ", line);
      if (end == LineReader::End::aborted) {
        text.clear();
        continue;
      }
      if (end == LineReader::End::asked) return Outcome::interrupted;
      if (end == LineReader::End::input) break;
      ++lines_;
      if (text.empty()) first_line_ = terminal_ ? 1 : lines_;
      text += line + "\n";
      if (!text.starts_with(':') && is_unfinished(text)) continue;
      take(std::exchange(text, ""), reader);
    }
    if (!trimmed(text).empty()) take(text, reader);
    if (must_end()) return Outcome::interrupted;
    return fine_ || terminal_ ? Outcome::done : Outcome::wrong_script;
  }

  bool load(const std::string& path) {
    say([&](Report& report) { return prompt_->load(path, report); });
    return fine_;
  }

  std::vector<std::string> completions(const std::string& word) const {
    if (word.starts_with(':')) return {":doc", ":graph", ":help", ":list", ":load", ":quit", ":type"};
    const auto dot = word.rfind('.');
    if (dot == std::string::npos) return prompt_->names();
    auto members = prompt_->members(word.substr(0, dot));
    for (auto& member : members) member = word.substr(0, dot + 1) + member;
    return members;
  }

 private:
  void take(const std::string& text, LineReader& reader) {
    const std::string entry = trimmed(text);
    if (entry.empty()) return;
    reader.remember(entry);
    if (entry.front() == ':') {
      command(entry);
      std::fflush(stdout);  // before what the next line says to the standard error
      return;
    }
    say([&](Report& report) { return prompt_->enter(text, report, show_value, first_line_); });
  }

  // Does something, and shows its mistakes.
  void say(const std::function<Outcome(Report&)>& work) {
    Report report;
    if (terminal_) {
      asked_.stop = false;
      if (asked_.end) asked_.stop = true;  // one that comes just now is not lost
    }
    const Outcome outcome = work(report);
    show(report, prompt_->sources());
    if (outcome == Outcome::interrupted) fmt::print(stderr, "metac: stopped on request\n");
    fine_ &= outcome == Outcome::done;
    std::fflush(stdout);
  }

  void command(const std::string& entry) {
    const auto space = entry.find_first_of(" \t");
    const std::string name = entry.substr(1, space == std::string::npos ? space : space - 1);
    const std::string rest = space == std::string::npos ? "" : trimmed(entry.substr(space));
    const bool needs = name == "load" || name == "type" || name == "doc" || name == "graph";
    const bool known = needs || name == "help" || name == "quit" || name == "list";
    if (!known) {
      const std::string near = nearest(name, {"help", "quit", "load", "list", "type", "doc", "graph"});
      return refuse(fmt::format("there is no command `:{}`", name),
                    near.empty() ? "`:help` lists them" : fmt::format("did you mean `:{}`?", near));
    }
    if (needs == rest.empty())
      return refuse(needs ? fmt::format("`:{}` needs {}", name,
                                        name == "load"  ? "a file"
                                        : name == "doc" ? "a name"
                                                        : "an expression")
                          : fmt::format("`:{}` takes nothing, `{}` was given", name, rest));
    if (name == "help") fmt::print("{}", help);
    if (name == "quit") quit_ = true;
    if (name == "list") list();
    if (name == "load") say([&](Report& report) { return prompt_->load(rest, report); });
    if (name == "doc") document(rest);
    if (name == "type") inspect(rest, [](const Value& value) { fmt::print("{}", type_of(value)); });
    if (name == "graph") inspect(rest, print_graph_of);
  }

  void inspect(const std::string& expression, const std::function<void(const Value&)>& show) {
    say([&](Report& report) { return prompt_->inspect(expression, report, show, first_line_); });
  }

  void refuse(const std::string& message, const std::string& hint = "") {
    complain(message);
    if (!hint.empty()) fmt::print(stderr, "  hint: {}\n", hint);
    fine_ = false;
  }

  void list() const {
    const CheckedProgram& program = prompt_->program();
    for (const auto& name : program.names(0)) {
      const Global* global = program.find(name, 0);
      if (global->from_library || prompt_->find(name) != nullptr) continue;
      if (global->definition == nullptr && !std::holds_alternative<LetStatement>(global->statement->node)) continue;
      fmt::print("{}\n", heading(outline_of(name, *global, prompt_->sources())));
    }
    for (const auto& name : prompt_->entered()) fmt::print("{} is {}\n", name, describe(*prompt_->find(name)));
  }

  void document(const std::string& asked) {
    const std::string name = asked.substr(0, asked.find('.'));
    const Global* global = prompt_->program().find(name, 0);
    if (prompt_->find(name) != nullptr && (global == nullptr || global->definition == nullptr))
      return fmt::print("{} is {}\n", name, describe(*prompt_->find(name)));
    const auto known =
        global != nullptr ? std::optional(outline_of(name, *global, prompt_->sources())) : outline_of_language(name);
    if (!known) {
      const std::string near = nearest(name, prompt_->names()), instead(instead_of(name));
      return refuse(fmt::format("there is no `{}`", name), !instead.empty() ? instead
                                                           : near.empty()   ? ""
                                                                            : fmt::format("did you mean `{}`?", near));
    }
    if (asked == name) return print_documentation(*known, prompt_->sources());
    if (const Outline* member = find_member(*known, asked.substr(name.size() + 1)))
      return print_documentation(*member, prompt_->sources());
    refuse(fmt::format("there is no `{}` in `{}`", asked.substr(name.size() + 1), name));
  }

  std::unique_ptr<Observer> observer_;
  Asked& asked_;
  bool terminal_;
  std::unique_ptr<Prompt> prompt_;
  int lines_ = 0, first_line_ = 1;  // that were read; where what is entered began: of a pipe, in all of it
  bool quit_ = false, fine_ = true;
};

}  // namespace

int run_repl(const ReplRequest& request) {
  const bool terminal = isatty(STDIN_FILENO) != 0 && isatty(STDOUT_FILENO) != 0;
  Repl repl(request.options, terminal);
  if (!request.script.empty() && !repl.load(request.script)) return static_cast<int>(Outcome::wrong_script);
  const Signals signals{take_signals().arrivals, [&] { return repl.must_end(); }};
  if (!terminal) return static_cast<int>(repl.run(*make_plain_reader(signals)));
  fmt::print("metac {}: `:help` says what can be entered\n", METAC_VERSION);
  const auto editor = make_line_editor(
      request.no_history ? "" : history_file(), [&](const std::string& word) { return repl.completions(word); },
      signals);
  return static_cast<int>(repl.run(*editor));
}

}  // namespace metac::dsl
